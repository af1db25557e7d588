"""The commands that a document has processed, so that each has its effect once (design, part 5).

The write that a command leads to also records the command, and is refused if it is recorded already.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from bson import ObjectId, encode
from bson.binary import Binary, UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from service.domain.errors import StaleVersion
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post
from service.domain.profile import Profile

Aggregate = TypeVar("Aggregate")

# So many commands of one aggregate are recorded, or fewer if what came of them is large: a document has room
# for 16 MiB, and each of its versions is written as a whole.
HISTORY_SIZE: Final = 64
_KEPT_BYTES: Final = 256 * 1024
_FEWEST: Final = 4
_CODEC: Final = CodecOptions[Any](uuid_representation=UuidRepresentation.STANDARD)
# What is read of a document: not what only this module and the outbox need.
PROJECTION: Final = {"outbox": 0, "handled": 0, "created_by": 0}


def push_processed(key: IdempotencyKey | None, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to push to a document, so that it has *key* recorded, and what came of the command."""
    if key is None:
        return {}
    new = record(key, result)
    kept = max(_FEWEST, min(HISTORY_SIZE, _KEPT_BYTES // len(encode(new, codec_options=_CODEC))))
    return {"handled": {"$each": [new], "$slice": -kept}}


def record(key: IdempotencyKey, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command as it is stored."""
    return {"id": key.message_id, "digest": Binary(key.digest), "result": dict(result)}


def created_by(key: IdempotencyKey | None, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new document says about the command that it is created by."""
    return {"created_by": record(key, result)} if key else {}


def is_already_created(error: DuplicateKeyError) -> bool:
    """Return whether *error* says that the same command has created a document before."""
    return "created_by.id" in (error.details or {}).get("keyPattern", {})


def unless_processed(key: IdempotencyKey | None) -> dict[str, Any]:
    """Return the condition that a document has not processed *key*."""
    return {"handled.id": {"$ne": key.message_id}} if key else {}


async def find_record(
    collection: AsyncCollection[dict[str, Any]], aggregate_id: UUID, message_id: str
) -> dict[str, Any] | None:
    """Return what the document of an aggregate has recorded of a command."""
    found = await collection.find_one({"id": aggregate_id, "handled.id": message_id}, {"handled.$": 1})
    return found["handled"][0] if found else None


async def find_creator(collection: AsyncCollection[dict[str, Any]], message_id: str) -> dict[str, Any] | None:
    """Return what is recorded of the command that created a document, or `None` if it created none."""
    found = await collection.find_one({"created_by.id": message_id}, {"created_by": 1})
    return found["created_by"] if found else None


async def record_only(
    collection: AsyncCollection[dict[str, Any]], aggregate: Profile | Post, result: Mapping[str, Any]
) -> None:
    """Record the command that left *aggregate* as it was, or raise `StaleVersion`."""
    unchanged = {
        "_id": ObjectId(aggregate.oid),
        "version": aggregate.version,
        **unless_processed(aggregate.idempotency_key),
    }
    update = await collection.update_one(
        unchanged, {"$push": push_processed(aggregate.idempotency_key, result)}
    )
    if update.matched_count == 0:
        raise StaleVersion


def to_processed(
    record: Mapping[str, Any] | None, to_aggregate: Callable[[Mapping[str, Any]], Aggregate]
) -> ProcessedCommand[Aggregate] | None:
    """Return what *record* says of a command; nothing if its result was personal and has been erased."""
    if record is None or "result" not in record:
        return None
    return ProcessedCommand(IdempotencyKey(record["id"], record["digest"]), to_aggregate(record["result"]))
