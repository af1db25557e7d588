"""Collect everything that is held about one user (GDPR, articles 15 and 20). For operators."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from service.domain.post import Post, PostRepository, PostSelection
from service.domain.profile import Profile, ProfileRepository
from service.domain.session import Session, SessionRepository

# Secrets of the user, or of ours: they say nothing about the user that the user does not know.
_WITHHELD: Final = frozenset({"hashed_password", "totp", "events"})
# Posts that are read at once: of the largest, some six megabytes.
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class ExportProfile:
    """Collect everything that is held about one user."""

    profile_id: UUID


@dataclass(frozen=True, slots=True)
class ExportProfileHandler:
    """Answers `ExportProfile`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    posts: PostRepository

    async def handle(self, query: ExportProfile) -> dict[str, Any]:
        """Return profile, sessions and posts, deleted ones too, or raise `ProfileNotFound`."""
        profile, sessions = await self.profile_and_sessions(query.profile_id)
        posts = [held_record(each) async for each in self._posts(query.profile_id)]
        return {"profile": profile, "sessions": sessions, "posts": posts}

    async def _posts(self, user_id: UUID) -> AsyncIterator[Post]:
        """Give all posts, page by page: no single operation has the time for very many."""
        after = None
        while page := await self.posts.of_user(user_id, PostSelection.ALL, _PAGE, after=after):
            for each in page:
                yield each
            after = str(page[-1].id)

    async def profile_and_sessions(self, profile_id: UUID) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
        """Return what is held about a user beside the posts, or raise `ProfileNotFound`."""
        profile = await self.profiles.get_including_deleted(profile_id)
        sessions = await self.sessions.of_user(profile.id)
        return {**held_record(profile), "email": profile.email.typed}, [
            held_record(each) for each in sessions
        ]


def held_record(record: Profile | Session | Post) -> dict[str, Any]:
    """Return what *record* holds, but for what is withheld."""
    return {name: value for name, value in asdict(record).items() if name not in _WITHHELD}
