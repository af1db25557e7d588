"""No verdicts: a single worker asks MongoDB."""

from collections.abc import Sequence
from uuid import UUID

from service.app.auth.sessions import SessionVerdicts


class NoVerdicts(SessionVerdicts):
    """Remembers nothing."""

    async def get(self, session_id: UUID) -> bool | None:
        """Return `None`: it is not known."""

    async def note_alive(self, session_id: UUID) -> None:
        """Forget it."""

    async def note_ended(self, session_ids: Sequence[UUID]) -> None:
        """Forget it."""
