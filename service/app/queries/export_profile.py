"""Collect everything that is held about one user (GDPR, articles 15 and 20). For operators."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from service.domain.post import PostRepository, PostSelection
from service.domain.profile import ProfileRepository
from service.domain.session import SessionRepository

# Secrets of the user, or of ours: they say nothing about the user that the user does not know.
_WITHHELD: Final = frozenset({"hashed_password", "events"})


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
        profile = await self.profiles.get_including_deleted(query.profile_id)
        sessions = await self.sessions.of_user(profile.id)
        posts = await self.posts.of_user(profile.id, PostSelection.ALL)
        email = {"email": profile.email.typed}
        return {
            "profile": {**_told(asdict(profile)), **email},
            "sessions": [_told(asdict(each)) for each in sessions],
            "posts": [_told(asdict(each)) for each in posts],
        }


def _told(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _WITHHELD}
