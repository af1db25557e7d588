"""No cache: a single worker asks MongoDB."""

from collections.abc import Sequence
from uuid import UUID

from service.app.auth.sessions import SessionStatusCache


class NullSessionCache(SessionStatusCache):
    """Remembers nothing."""

    async def get(self, session_id: UUID) -> bool | None:
        """Return `None`: it is not known."""

    async def mark_alive(self, session_id: UUID) -> None:
        """Forget it."""

    async def mark_ended(self, session_ids: Sequence[UUID]) -> None:
        """Forget it."""
