"""Sessions as documents, which MongoDB removes when they expire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from service.app.outbox import Kind
from service.domain.profile import Profile
from service.domain.session import Origin, RefreshConflict, Session, SessionRepository
from service.domain.session_events import revoked
from service.infrastructure.mongo.errors import database_call
from service.infrastructure.mongo.guarded_writes import guarded_call, together
from service.infrastructure.mongo.indexes import PROFILES, SESSIONS
from service.infrastructure.mongo.outbox import Notify, notify_nobody, push_events
from service.infrastructure.mongo.reads_by_id import ReadsById


class MongoSessions(SessionRepository):
    """Keeps sessions in a MongoDB collection, which needs the indexes of `indexes.py`."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], notify: Notify = notify_nobody) -> None:
        self.client = database.client
        self._profiles = database[PROFILES]
        self._sessions = database[SESSIONS]
        self._by_id = ReadsById(self._sessions, "_id", where=_ALIVE)
        self._notify = notify

    @database_call
    async def add(self, session: Session) -> None:
        """Store a new session."""
        await self._sessions.insert_one(_to_document(session))

    async def find(self, session_id: UUID) -> Session | None:
        """Return a session."""
        document = await self._by_id.find(session_id)
        return _to_session(document) if document else None

    @database_call
    async def save(self, session: Session) -> None:
        """Store a session over the step before it, or raise `RefreshConflict`."""
        before = {"_id": session.id, "step": session.generation - 1, **_ALIVE}
        document = _to_document(session)
        # Only these: a code may have been noted since the session was read.
        change = {"$set": {name: document[name] for name in _REFRESHED}}
        result = await self._sessions.update_one(before, change)
        if result.matched_count == 0:
            raise RefreshConflict

    @database_call
    async def confirm(self, session: Session) -> None:
        """Return once most members have a session at its generation, or raise `RefreshConflict`."""
        stored = self._sessions.with_options(read_concern=ReadConcern("linearizable"))
        if (
            await stored.find_one({"_id": session.id, "step": session.generation, **_ALIVE}, {"_id": 1})
            is None
        ):
            raise RefreshConflict

    @database_call
    async def note_code(self, session_id: UUID) -> None:
        """Note that a code of a second factor was shown in a session, if it is there."""
        await self._sessions.update_one({"_id": session_id, **_ALIVE}, {"$set": {"with_code": True}})

    @guarded_call
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
        """End sessions of a user: all, one, or all except one; at most so many, if not 0. Return them."""
        query: dict[str, Any] = {"user_id": user_id, **_ALIVE}
        if session_id or except_id:
            query["_id"] = {"$eq": session_id} if session_id else {"$ne": except_id}
        found = [each["_id"] async for each in self._sessions.find(query, {"_id": 1}).limit(limit)]

        async def end(transaction: AsyncClientSession | None) -> None:
            if writes := [_ended(each, user_id, reason, now) for each in found]:
                await self._sessions.bulk_write(writes, session=transaction)

        await together(self._profiles, end, authorized_by)
        self._notify(Kind.SESSION, *found)
        return found

    @database_call
    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        """Return the sessions of a user."""
        found = self._sessions.find({"user_id": user_id, **_ALIVE})
        return [_to_session(each) async for each in found]

    @database_call
    async def remove(self, session_id: UUID) -> None:
        """Remove a session that nobody has been told of, without an event."""
        await self._sessions.delete_one({"_id": session_id, **_ALIVE})

    @database_call
    async def discard(self, user_id: UUID, before: int) -> Sequence[UUID]:
        """Remove the sessions of a user from *before* a `sessions_version`, without events."""
        query = {"user_id": user_id, "sessions_version": {"$lt": before}, **_ALIVE}
        found = [each["_id"] async for each in self._sessions.find(query, {"_id": 1})]
        await self._sessions.delete_many({"_id": {"$in": found}, **_ALIVE})
        return found


# A session that has ended is kept until its event is published.
_ALIVE: Final = {"ended_at": {"$exists": False}}

# What a refresh changes.
_REFRESHED: Final = ("step", "moved_by", "moved_at", "expires_at")


def _ended(session_id: UUID, user_id: UUID, reason: str, now: datetime) -> UpdateOne:
    # MongoDB removes what has an expires_at.
    change = {"$set": {"ended_at": now}, "$unset": {"expires_at": ""}}
    return UpdateOne(
        {"_id": session_id, **_ALIVE}, {**change, **push_events([revoked(session_id, user_id, reason, now)])}
    )


def _to_document(session: Session) -> dict[str, Any]:
    document = {
        "_id": session.id,
        "user_id": session.user_id,
        "sessions_version": session.sessions_version,
        "step": session.generation,
        "moved_by": None,  # workers of the version before read it, while a deploy goes on
        "moved_at": session.rotated_at,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }
    said = {
        "client_network": session.origin.client_network,
        "user_agent": session.origin.user_agent,
        "with_code": session.with_code or None,
    }
    return document | {name: value for name, value in said.items() if value is not None}


def _to_session(document: Mapping[str, Any]) -> Session:
    return Session(
        id=document["_id"],
        user_id=document["user_id"],
        sessions_version=document["sessions_version"],
        generation=document["step"],
        rotated_at=document["moved_at"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        origin=Origin(document.get("client_network"), document.get("user_agent")),
        with_code=document.get("with_code", False),
    )
