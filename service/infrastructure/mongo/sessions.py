"""Sessions as documents, which MongoDB removes when they expire."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pymongo.asynchronous.database import AsyncDatabase

from service.domain.sessions import Session, SessionMoved, SessionRepository
from service.infrastructure.mongo.errors import translated_errors
from service.infrastructure.mongo.indexes import SESSIONS


class MongoSessions(SessionRepository):
    """Keeps sessions in a MongoDB collection, which needs the indexes of `indexes.py`."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._sessions = database[SESSIONS]

    async def add(self, session: Session) -> None:
        """Store a new session."""
        with translated_errors():
            await self._sessions.insert_one(_to_document(session))

    async def find(self, session_id: UUID) -> Session | None:
        """Return a session."""
        with translated_errors():
            document = await self._sessions.find_one({"_id": session_id})
        return _to_session(document) if document else None

    async def save(self, session: Session) -> None:
        """Store a session over the step before it, or raise `SessionMoved`."""
        before = {"_id": session.id, "step": session.step - 1}
        with translated_errors():
            result = await self._sessions.replace_one(before, _to_document(session))
        if result.matched_count == 0:
            raise SessionMoved

    async def end(
        self, user_id: UUID, *, only: UUID | None = None, but: UUID | None = None
    ) -> Sequence[UUID]:
        """End sessions of a user, all of them or *only* one or all *but* one; return which ended."""
        chosen: dict[str, Any] = {"user_id": user_id}
        if only or but:
            chosen["_id"] = {"$eq": only} if only else {"$ne": but}
        with translated_errors():
            ended = [each["_id"] async for each in self._sessions.find(chosen, {"_id": 1})]
            await self._sessions.delete_many({"_id": {"$in": ended}})
        return ended


def _to_document(session: Session) -> dict[str, Any]:
    return {
        "_id": session.id,
        "user_id": session.user_id,
        "sessions_version": session.sessions_version,
        "step": session.step,
        "moved_by": session.moved_by,
        "moved_at": session.moved_at,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }


def _to_session(document: Mapping[str, Any]) -> Session:
    return Session(
        id=document["_id"],
        user_id=document["user_id"],
        sessions_version=document["sessions_version"],
        step=document["step"],
        moved_by=document["moved_by"],
        moved_at=document["moved_at"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
    )
