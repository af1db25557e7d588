"""Events in the documents of the aggregates that they are about, until they are published.

One write stores a change and its events, so there is never one without the other (docs/adr/0014).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from pymongo import DeleteOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from service import __version__
from service.app.outbox import Kind, Outbox, PendingEvents
from service.domain.events import Event, EventType
from service.infrastructure.mongo.errors import database_call
from service.infrastructure.mongo.indexes import POSTS, PROFILES, SESSIONS
from service.pkg.message_fields import trace_header
from service.pkg.trace_context import current_trace


# Who writes events says so, so that they are published at once.
class Notify(Protocol):
    """Is told about which aggregates of a kind events were stored."""

    def __call__(self, kind: Kind, /, *subjects: UUID) -> None:
        """Take notice of it."""


def notify_nobody(_kind: Kind, /, *_subjects: UUID) -> None:
    """Leave the events to the next sweep."""


_TYPES: Final = frozenset(EventType)
# What there is in every event.
_FIELDS: Final[Mapping[str, type]] = {
    "type": str,
    "subject": UUID,
    "version": int,
    "time": datetime,
    "data": Mapping,
}
_COLLECTIONS: Final = {Kind.PROFILE: PROFILES, Kind.POST: POSTS, Kind.SESSION: SESSIONS}
_NAMES: Final = {Kind.PROFILE: "id", Kind.POST: "id", Kind.SESSION: "_id"}


# Aggregates of a kind, the oldest first, whose pending events are counted: by then there are too many anyway.
MOST_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The events that wait in all documents.

    Attributes:
        oldest: When the one that waits longest was stored, if one does.

    """

    events: int
    oldest: datetime | None


class MongoOutbox(Outbox):
    """Finds the events that wait in documents, and takes out those that have been published.

    It sees what most members of the replica set have: what a primary alone has may be gone after it, and
    nobody is to have heard of it then.
    """

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self.client = database.client
        self._collections = {
            kind: database.get_collection(name, read_concern=ReadConcern("majority"))
            for kind, name in _COLLECTIONS.items()
        }

    @database_call
    async def find_stale(self, since: datetime, limit: int) -> Sequence[tuple[Kind, UUID]]:
        """Return aggregates with events that were pending at *since* already."""
        found: list[tuple[Kind, UUID]] = []
        for kind, collection in self._collections.items():
            name = _NAMES[kind]
            # Another version may be able to read what this one can't.
            entry = {"time": {"$lte": since}, "held_by": {"$ne": __version__}}
            # The first condition is for the index, which knows of the time alone.
            query = {"outbox.time": {"$lte": since, "$exists": True}, "outbox": {"$elemMatch": entry}}
            cursor = collection.find(query, {name: 1}).limit(limit)
            found += [(kind, document[name]) async for document in cursor]
        return found

    @database_call
    async def backlog(self) -> "Backlog":
        """Return what is pending just now, whoever has stored it; see `MOST_COUNTED`."""
        query, order = {"outbox.time": {"$exists": True}}, [("outbox.time", 1)]
        times: list[datetime] = []
        for collection in self._collections.values():
            cursor = collection.find(query, {"outbox.time": 1}, hint="outbox")
            async for document in cursor.sort(order).limit(MOST_COUNTED):
                times += [each["time"] for each in document["outbox"]]
        return Backlog(len(times), min(times, default=None))

    @database_call
    async def load_pending(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[PendingEvents]:
        """Return the events that are pending in some aggregates of one kind, in the order of their versions.

        What can't be read does not keep the others back: it is named, unless this version holds it already.
        """
        query = {_NAMES[kind]: {"$in": list(subjects)}}
        cursor = self._collections[kind].find(query, {_NAMES[kind]: 1, "outbox": 1})
        documents = [each async for each in cursor]
        found = [_to_pending(kind, each) for each in documents if each.get("outbox")]
        return [each for each in found if each.events or each.unreadable]

    @database_call
    async def mark_published(self, published: Sequence[PendingEvents]) -> None:
        """Take out events that the broker has. Of a session that has ended nothing else is kept."""
        for kind, collection in self._collections.items():
            if writes := [_removal(each) for each in published if each.kind is kind]:
                await collection.bulk_write(writes, ordered=False)

    @database_call
    async def hold(self, held: Sequence[PendingEvents]) -> None:
        """Mark what is unreadable: it stays in its document, for a version that can read it."""
        for kind, collection in self._collections.items():
            if writes := [_marking(each) for each in held if each.kind is kind]:
                await collection.bulk_write(writes, ordered=False)


def to_records(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return *events* as they are stored in the document of their aggregate."""
    return [{**_to_record(each), **current_trace()} for each in events]


def push_events(events: Sequence[Event]) -> dict[str, Any]:
    """Return the update operator that adds *events* to a document."""
    return {"$push": {"outbox": {"$each": to_records(events)}}} if events else {}


def _to_pending(kind: Kind, document: Mapping[str, Any]) -> PendingEvents:
    records = [each for each in document["outbox"] if isinstance(each, Mapping)]
    pending = [each for each in records if each.get("held_by") != __version__]
    events = [event for each in pending if (event := _to_event(each))]
    unreadable = [each for each in pending if not _to_event(each)]
    is_all = len(events) == len(document["outbox"])
    return PendingEvents(kind, document[_NAMES[kind]], events, unreadable, is_all)


def _to_event(record: Mapping[str, Any]) -> Event | None:
    """Return the event in *record*, or `None` if it is of another version's kind; more fields do no harm."""
    known: dict[str, Any] = {name: record.get(name) for name in _FIELDS}
    is_whole = all(isinstance(known[name], kind) for name, kind in _FIELDS.items())
    if not is_whole or known["type"] not in _TYPES:
        return None
    return Event(**{**known, "type": EventType(known["type"])}, trace=trace_header(record))


def _to_record(event: Event) -> dict[str, Any]:
    return {**{name: getattr(event, name) for name in _FIELDS}, "type": event.type.value}


def _removal(published: PendingEvents) -> UpdateOne | DeleteOne:
    if published.kind is Kind.SESSION and published.is_all:  # of one that has ended nothing else is kept
        return DeleteOne(_document(published))
    return UpdateOne(
        _document(published), {"$pull": {"outbox": {"$or": list(map(_to_record, published.events))}}}
    )


def _document(pending: PendingEvents) -> dict[str, Any]:
    return {_NAMES[pending.kind]: pending.subject}


def _marking(held: PendingEvents) -> UpdateOne:
    records = [_to_record(each) if isinstance(each, Event) else each for each in held.unreadable]
    entries = [{f"entry.{name}": value for name, value in record.items()} for record in records]
    marking = {"$set": {"outbox.$[entry].held_by": __version__}}
    return UpdateOne(_document(held), marking, array_filters=[{"$or": entries}])
