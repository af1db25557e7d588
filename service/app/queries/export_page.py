"""Read everything that is held about one user, page by page (GDPR, articles 15 and 20)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, authorize
from service.app.paging import Cursors, PageRequest, canonical_query, read_page
from service.app.queries.export_profile import ExportProfileHandler, held_record
from service.domain.post import Post, PostSelection, text_size


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage:
    """Read the profile and the sessions of a user, and a page of the posts."""

    actor: Actor
    profile_id: UUID
    page_request: PageRequest


@dataclass(frozen=True, slots=True)
class ExportedPage:
    """A part of what is held. Each part has the profile and the sessions.

    Attributes:
        posts: Some of them, deleted ones too, the oldest first.
        next_cursor: Where the next ones begin; `None` at the end.

    """

    profile: Mapping[str, Any]
    sessions: tuple[Mapping[str, Any], ...]
    posts: tuple[Mapping[str, Any], ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ExportPageHandler:
    """Answers `ExportPage`."""

    export: ExportProfileHandler
    cursors: Cursors

    async def handle(self, query: ExportPage) -> ExportedPage:
        """Return a page. It ends early if its posts are long.

        Raises:
            ProfileNotFound
            CursorInvalid

        """
        authorize(Action.EXPORT_PROFILE, query.actor, query.profile_id)
        profile, sessions = await self.export.profile_and_sessions(query.profile_id)
        page = await read_page(
            self.cursors,
            canonical_query("profile.export", id=str(query.profile_id)),
            query.page_request,
            partial(self._posts, query.profile_id),
            lambda post: str(post.id),
            size=_size,
        )
        return ExportedPage(profile, tuple(sessions), tuple(map(held_record, page.items)), page.next_cursor)

    async def _posts(self, user_id: UUID, after: str | None, limit: int) -> Sequence[Post]:
        return await self.export.posts.of_user(user_id, PostSelection.ALL, limit, after=after)


def _size(post: Post) -> int:
    """Return how much of a page *post* takes: the sessions of a user may take two thirds of it."""
    return 3 * text_size(post)
