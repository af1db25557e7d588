"""Read many profiles, page by page."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, authorize
from service.app.paging import Cursors, Page, PageRequest, canonical_query, read_page
from service.domain.attributes import size_of
from service.domain.profile import Profile, ProfileFilter, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ListProfiles:
    """Read a page of the profiles that *filters* lets through."""

    actor: Actor
    page_request: PageRequest
    filters: ProfileFilter = field(default_factory=ProfileFilter)


@dataclass(frozen=True, slots=True)
class ListProfilesHandler:
    """Answers `ListProfiles`."""

    profiles: ProfileRepository
    cursors: Cursors

    async def handle(self, query: ListProfiles) -> Page[Profile]:
        """Return a page: the newest first, or by address if a prefix of it was given."""
        authorize(Action.LIST_PROFILES, query.actor)
        filters = query.filters
        described_query = canonical_query(
            "profile.list", status=filters.status, role=filters.role, email_prefix=filters.email_prefix
        )
        read = partial(self.profiles.list, filters)
        return await read_page(
            self.cursors,
            described_query,
            query.page_request,
            read,
            filters.position,
            size=lambda profile: size_of(profile.attributes),
        )
