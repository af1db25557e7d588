"""Events in the documents of the things that they happened to, until the world has been told.

One write stores a change and its events, so there is never one without the other (design, part 5).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pymongo import DeleteOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from service.app.outbox import Kind, Outbox, Untold
from service.domain.events import Event, EventType
from service.infrastructure.mongo.errors import database_call
from service.infrastructure.mongo.indexes import POSTS, PROFILES, SESSIONS

# Who writes events says so, so that they are told at once.
Hint = Callable[[Kind, UUID], None]


def unhinted(_kind: Kind, _subject: UUID) -> None:
    """Leave the events to the next sweep."""


_COLLECTIONS: Final = {Kind.PROFILE: PROFILES, Kind.POST: POSTS, Kind.SESSION: SESSIONS}
_NAMES: Final = {Kind.PROFILE: "id", Kind.POST: "id", Kind.SESSION: "_id"}


class MongoOutbox(Outbox):
    """Finds the events that wait in documents, and takes out those that have been told."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._database = database

    @database_call
    async def waiting(self, since: datetime, most: int) -> Sequence[tuple[Kind, UUID]]:
        """Return things some of whose events have waited at least *since* then."""
        found: list[tuple[Kind, UUID]] = []
        for kind, collection in _COLLECTIONS.items():
            name = _NAMES[kind]
            query = {"outbox.time": {"$lte": since, "$exists": True}}
            cursor = self._database[collection].find(query, {name: 1}).limit(most)
            found += [(kind, document[name]) async for document in cursor]
        return found

    @database_call
    async def untold(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[Untold]:
        """Return the events that wait in some things of one kind, in the order of their versions."""
        query = {_NAMES[kind]: {"$in": list(subjects)}}
        cursor = self._database[_COLLECTIONS[kind]].find(query, {_NAMES[kind]: 1, "outbox": 1})
        documents = [each async for each in cursor]
        return [
            Untold(kind, each["_id"], [_to_event(record) for record in each["outbox"]])
            for each in documents
            if each.get("outbox")
        ]

    @database_call
    async def told(self, told: Sequence[Untold]) -> None:
        """Take out events that the broker has. Of a session that has ended nothing else is kept."""
        for kind, collection in _COLLECTIONS.items():
            writes = [
                DeleteOne({"_id": each.key})
                if kind is Kind.SESSION
                else UpdateOne({"_id": each.key}, {"$pull": {"outbox": {"version": {"$lte": each.version}}}})
                for each in told
                if each.kind is kind
            ]
            if writes:
                await self._database[collection].bulk_write(writes, ordered=False)


def to_records(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return *events* as they are stored in the document of their thing."""
    return [{**asdict(event), "type": event.type.value} for event in events]


def pushed(events: Sequence[Event], noted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the update operator that adds *events* to a document, and what is *noted* beside them."""
    outbox = {"outbox": {"$each": to_records(events)}} if events else {}
    pushes = {**outbox, **(noted or {})}
    return {"$push": pushes} if pushes else {}


def _to_event(record: Mapping[str, Any]) -> Event:
    return Event(**{**record, "type": EventType(record["type"])})
