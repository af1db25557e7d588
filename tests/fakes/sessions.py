"""Sessions in a dict, held to the truth by `tests/ports/test_sessions.py`; and who hears of them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from service.app.auth.sessions import SessionEvents, SessionVerdicts
from service.domain.sessions import Session, SessionMoved, SessionRepository


class FakeSessions(SessionRepository):
    """Keeps sessions in memory. Each method lets others run first, and is then atomic."""

    def __init__(self, *sessions: Session) -> None:
        self.stored = {session.id: session for session in sessions}

    async def add(self, session: Session) -> None:
        await asyncio.sleep(0)
        self.stored[session.id] = session

    async def find(self, session_id: UUID) -> Session | None:
        await asyncio.sleep(0)
        return self.stored.get(session_id)

    async def save(self, session: Session) -> None:
        await asyncio.sleep(0)
        before = self.stored.get(session.id)
        if before is None or before.step != session.step - 1:
            raise SessionMoved
        self.stored[session.id] = session

    async def end(
        self, user_id: UUID, *, only: UUID | None = None, but: UUID | None = None
    ) -> Sequence[UUID]:
        await asyncio.sleep(0)
        mine = [each.id for each in self.stored.values() if each.user_id == user_id]
        ended = [each for each in mine if (each == only if only else each != but)]
        for each in ended:
            del self.stored[each]
        return ended


class FakeVerdicts(SessionVerdicts):
    """Remembers for ever; an end stays an end."""

    def __init__(self) -> None:
        self.known: dict[UUID, bool] = {}

    async def get(self, session_id: UUID) -> bool | None:
        return self.known.get(session_id)

    async def note_alive(self, session_id: UUID) -> None:
        self.known.setdefault(session_id, True)

    async def note_ended(self, session_ids: Sequence[UUID]) -> None:
        self.known.update(dict.fromkeys(session_ids, False))


class FakeEvents(SessionEvents):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, Sequence[UUID], str]] = []

    async def revoked(self, user_id: UUID, session_ids: Sequence[UUID], reason: str) -> None:
        self.told.append((user_id, tuple(session_ids), reason))
