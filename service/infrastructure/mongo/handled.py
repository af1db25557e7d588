"""The commands that a document has seen, so that each has its effect once (design, part 5).

The write that a command leads to also notes the command, and is refused if it is noted already.
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

# So many commands of one thing are remembered, or fewer if what came of them is large: a document has room
# for 16 MiB, and each of its versions is written as a whole.
KEPT: Final = 64
_KEPT_BYTES: Final = 256 * 1024
_FEWEST: Final = 4
_CODEC: Final = CodecOptions[Any](uuid_representation=UuidRepresentation.STANDARD)
# What is read of a document: not what only this module and the outbox need.
STATE: Final = {"outbox": 0, "handled": 0, "created_by": 0}


def noted(command: IdempotencyKey | None, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to push to a document, so that it knows *command* and what came of it."""
    if command is None:
        return {}
    new = record(command, result)
    kept = max(_FEWEST, min(KEPT, _KEPT_BYTES // len(encode(new, codec_options=_CODEC))))
    return {"handled": {"$each": [new], "$slice": -kept}}


def record(command: IdempotencyKey, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return *command* as it is stored."""
    return {"id": command.message_id, "digest": Binary(command.digest), "result": dict(result)}


def made_by(command: IdempotencyKey | None, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new document says about the *command* that it is made by."""
    return {"created_by": record(command, result)} if command else {}


def is_made(error: DuplicateKeyError) -> bool:
    """Return whether *error* says that the same command has made a document before."""
    return "created_by.id" in (error.details or {}).get("keyPattern", {})


def not_noted(command: IdempotencyKey | None) -> dict[str, Any]:
    """Return the condition that a document has not seen *command*."""
    return {"handled.id": {"$ne": command.message_id}} if command else {}


async def find_noted(
    collection: AsyncCollection[dict[str, Any]], thing_id: UUID, message_id: str
) -> dict[str, Any] | None:
    """Return what the document of a thing knows of a command."""
    found = await collection.find_one({"id": thing_id, "handled.id": message_id}, {"handled.$": 1})
    return found["handled"][0] if found else None


async def find_maker(collection: AsyncCollection[dict[str, Any]], message_id: str) -> dict[str, Any] | None:
    """Return what is known of the command that made a document, or `None` if it made none."""
    found = await collection.find_one({"created_by.id": message_id}, {"created_by": 1})
    return found["created_by"] if found else None


async def note_alone(
    collection: AsyncCollection[dict[str, Any]], thing: Profile | Post, result: Mapping[str, Any]
) -> None:
    """Note the command that left *thing* as it was, or raise `StaleVersion`."""
    unchanged = {"_id": ObjectId(thing.oid), "version": thing.version, **not_noted(thing.idempotency_key)}
    noting = await collection.update_one(unchanged, {"$push": noted(thing.idempotency_key, result)})
    if noting.matched_count == 0:
        raise StaleVersion


def to_handled(
    record: Mapping[str, Any] | None, to_thing: Callable[[Mapping[str, Any]], Aggregate]
) -> ProcessedCommand[Aggregate] | None:
    """Return what *record* says of a command; nothing if its result was personal and has been erased."""
    if record is None or "result" not in record:
        return None
    return ProcessedCommand(IdempotencyKey(record["id"], record["digest"]), to_thing(record["result"]))
