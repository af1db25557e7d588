"""The commands that a document has processed, so that each has its effect once (docs/adr/0015).

The write that a command leads to also records the command, and is refused if it is recorded already.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from bson.binary import Binary
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from service.domain.errors import StaleVersion
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post
from service.domain.profile import Profile

Aggregate = TypeVar("Aggregate")

# So many commands of one aggregate are recorded: each in the place of the one so many before it. So a write
# is as small as one record, while an array that moves on would be written as a whole, to the oplog, too.
HISTORY_SIZE: Final = 64
# What is read of a document: not what only this module and the outbox need.
PROJECTION: Final = {"outbox": 0, "processed": 0, "handled": 0, "created_by": 0}
# The same with what is recorded.
_WITH_RECORDS: Final = {"outbox": 0}


def created_by(aggregate: Profile | Post) -> dict[str, Any]:
    """Return what a new document says about the command that it is created by."""
    key = aggregate.idempotency_key
    return {"created_by": _record(key, aggregate.version)} if key else {}


def is_already_created(error: DuplicateKeyError) -> bool:
    """Return whether *error* says that the same command has created a document before."""
    return "created_by.id" in (error.details or {}).get("keyPattern", {})


def unless_processed(aggregate: Profile | Post) -> dict[str, Any]:
    """Return the condition that a document has seen no command since it was read, nor this one."""
    if (key := aggregate.idempotency_key) is None:
        return {}
    former = {"handled.id": {"$ne": key.former.message_id}} if key.former else {}
    count = aggregate.processed_commands or {"$in": [0, None]}
    return {"processed_commands": count, "processed.id": {"$nin": _binary(key.ids)}, **former}


def recording(aggregate: Profile | Post, change: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return *change* as one that records the command of *aggregate*, too, if it has one."""
    if (key := aggregate.idempotency_key) is None:
        return dict(change)
    record, count = _record(key, aggregate.version), aggregate.processed_commands
    if count < HISTORY_SIZE:
        operator, place = "$push", "processed"
    else:
        operator, place = "$set", f"processed.{count % HISTORY_SIZE}"
    counted = {**change, "$inc": {"processed_commands": 1}}
    return {**counted, operator: {**change.get(operator, {}), place: record}}


def forgetting() -> dict[str, str]:
    """Return what to remove from a document that is erased; what created it is known by a hash."""
    return {"processed": "", "processed_commands": "", "handled": "", "created_by.result": ""}


async def record_only(collection: AsyncCollection[dict[str, Any]], aggregate: Profile | Post) -> None:
    """Record the command that left *aggregate* as it was, or raise `StaleVersion`."""
    unchanged = {
        "id": aggregate.id,
        "version": aggregate.version,
        **unless_processed(aggregate),
    }
    update = await collection.update_one(unchanged, recording(aggregate, {}))
    if update.matched_count == 0:
        raise StaleVersion


async def find_processed(
    collection: AsyncCollection[dict[str, Any]],
    aggregate_id: UUID,
    key: IdempotencyKey,
    to_aggregate: Callable[[Mapping[str, Any]], Aggregate],
) -> ProcessedCommand[Aggregate] | None:
    """Return the command that has the name of *key*, if the document of an aggregate has it recorded."""
    named: list[dict[str, Any]] = [{"processed.id": {"$in": _binary(key.ids)}}]
    if key.former:
        named.append({"handled.id": key.former.message_id})
    found = await _find_stored(collection, {"id": aggregate_id, "$or": named})
    if found is None:
        return None
    records = [*found.get("processed", []), *found.get("handled", [])]
    (record,) = [each for each in records if _place_of(key, each) is not None][:1]
    return _to_processed(record, key, to_aggregate(found))


async def find_creator(
    collection: AsyncCollection[dict[str, Any]],
    key: IdempotencyKey,
    to_aggregate: Callable[[Mapping[str, Any]], Aggregate],
) -> ProcessedCommand[Aggregate] | None:
    """Return the command that has the name of *key*, if it created a document."""
    named: list[Binary | str] = _binary(key.ids)
    if key.former:
        named.append(key.former.message_id)
    found = await _find_stored(collection, {"created_by.id": {"$in": named}})
    return _to_processed(found["created_by"], key, to_aggregate(found)) if found else None


async def _find_stored(
    collection: AsyncCollection[dict[str, Any]], query: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return what *query* finds, once most members have it.

    A primary that is about to lose it may have it. So whoever is told that a command was carried out before
    waits for that, as whoever carried it out does. For the others one look is enough.
    """
    if await collection.find_one(query, {"_id": 1}) is None:
        return None
    stored = collection.with_options(read_concern=ReadConcern("linearizable"))
    return await stored.find_one(query, _WITH_RECORDS)


def _record(key: IdempotencyKey, version: int) -> dict[str, Any]:
    """Return what is kept of a command: by each secret that is in use, if there are several.

    MongoDB indexes each of several ids, so of two workers that make ids by different secrets one is refused.
    """
    ids, digests = _binary(key.ids), _binary(key.digests)
    if key.others:
        return {"id": ids, "digest": digests, "version": version}
    return {"id": ids[0], "digest": digests[0], "version": version}


def _binary(values: Sequence[bytes]) -> list[Any]:
    return [Binary(each) for each in values]


def _place_of(key: IdempotencyKey, record: Mapping[str, Any]) -> int | None:
    """Return which of the ids of *record* is one of *key*, or `None`."""
    names = {*key.ids, key.former.message_id} if key.former else {*key.ids}
    return next((place for place, each in enumerate(_all(record["id"])) if each in names), None)


def _all(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _to_processed(
    record: Mapping[str, Any], key: IdempotencyKey, aggregate: Aggregate
) -> ProcessedCommand[Aggregate]:
    """Return what *record* says. Those of 0.1 hold what came of the command, instead of a version."""
    version = record["version"] if "version" in record else record.get("result", {}).get("version", 0)
    return ProcessedCommand(_all(record["digest"])[_place_of(key, record) or 0], version, aggregate)
