"""Sessions in a dict, held to the truth by `tests/ports/test_sessions.py`."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from service.app.auth.sessions import SessionStatusCache
from service.domain.events import Event
from service.domain.profile import Profile
from service.domain.session import RefreshConflict, Session, SessionRepository
from service.domain.session_events import revoked
from tests.fakes.profiles import FakeProfiles


class FakeSessions(SessionRepository):
    """Keeps sessions in memory. Each method lets others run first, and is then atomic."""

    def __init__(self, *sessions: Session, profiles: FakeProfiles | None = None) -> None:
        self._profiles = profiles or FakeProfiles()
        self.stored = {session.id: session for session in sessions}
        self.ever = set(self.stored)
        self.published: list[Event] = []

    async def add(self, session: Session) -> None:
        await asyncio.sleep(0)
        self.stored[session.id] = session
        self.ever.add(session.id)

    async def find(self, session_id: UUID) -> Session | None:
        await asyncio.sleep(0)
        return self.stored.get(session_id)

    async def save(self, session: Session) -> None:
        await asyncio.sleep(0)
        before = self.stored.get(session.id)
        if before is None or before.generation != session.generation - 1:
            raise RefreshConflict
        self.stored[session.id] = replace(session, with_code=before.with_code)

    async def confirm(self, session: Session) -> None:
        await asyncio.sleep(0)
        stored = self.stored.get(session.id)
        if stored is None or stored.generation != session.generation:
            raise RefreshConflict

    async def note_code(self, session_id: UUID) -> None:
        await asyncio.sleep(0)
        if session := self.stored.get(session_id):
            self.stored[session_id] = replace(session, with_code=True)

    async def end(
        self,
        user_id: UUID,
        reason: str,
        now: datetime,
        *,
        session_id: UUID | None = None,
        except_id: UUID | None = None,
        limit: int = 0,
        authorized_by: Profile | None = None,
    ) -> Sequence[UUID]:
        await asyncio.sleep(0)
        mine = [each.id for each in self.stored.values() if each.user_id == user_id]
        chosen = [each for each in mine if (each == session_id if session_id else each != except_id)]
        ended = chosen[: limit or None]
        self._profiles.hold(authorized_by)
        for each in ended:
            del self.stored[each]
            self.published.append(revoked(each, user_id, reason, now))
        return ended

    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        await asyncio.sleep(0)
        return [each for each in self.stored.values() if each.user_id == user_id]

    async def remove(self, session_id: UUID) -> None:
        await asyncio.sleep(0)
        self.stored.pop(session_id, None)

    async def discard(self, user_id: UUID, before: int) -> Sequence[UUID]:
        await asyncio.sleep(0)
        mine = [each for each in self.stored.values() if each.user_id == user_id]
        discarded = [each.id for each in mine if each.sessions_version < before]
        for each in discarded:
            del self.stored[each]
        return discarded


class FakeSessionStatusCache(SessionStatusCache):
    """Remembers for ever; an end stays an end."""

    def __init__(self) -> None:
        self.known: dict[UUID, bool] = {}

    async def get(self, session_id: UUID) -> bool | None:
        return self.known.get(session_id)

    async def mark_alive(self, session_id: UUID) -> None:
        self.known.setdefault(session_id, True)

    async def mark_ended(self, session_ids: Sequence[UUID]) -> None:
        self.known.update(dict.fromkeys(session_ids, False))
