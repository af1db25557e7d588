"""Read many profiles, page by page."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, require
from service.app.paging import Cursors, Page, Window, described, read_page
from service.domain.profile import Profile, ProfileFilter, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ListProfiles:
    """Read a page of the profiles that *chosen* lets through."""

    actor: Actor
    window: Window
    chosen: ProfileFilter = field(default_factory=ProfileFilter)


@dataclass(frozen=True, slots=True)
class ListProfilesHandler:
    """Answers `ListProfiles`."""

    profiles: ProfileRepository
    cursors: Cursors

    async def handle(self, query: ListProfiles) -> Page[Profile]:
        """Return a page: the newest first, or by address if a prefix of it was given."""
        require(Action.LIST_PROFILES, query.actor)
        chosen = query.chosen
        described_query = described(
            "profile.list", status=chosen.status, role=chosen.role, email_prefix=chosen.email_prefix
        )
        read = partial(self.profiles.list, chosen)
        return await read_page(self.cursors, described_query, query.window, read, chosen.position)
