"""What is stored, heard from MongoDB itself: its log of changes knows nothing of the service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from tests.faults.records import Commit, Stored
from tests.integration.gateway import eventually

Document = Mapping[str, Any]

_KINDS = {"profiles": "profile", "posts": "post"}
# By collection: the field in which each of our commands leaves its name.
_MARKS = {"profiles": "last_name", "posts": "title"}
# The type of an event of a version that is not written yet.
UNREADABLE = "profile.not_invented_yet"
# A collection of our own: what we have heard of comes after all that was stored before it.
_END = "end"


@dataclass(slots=True)
class Watch:
    """Follows the log of changes, over whatever happens to the server."""

    database: AsyncDatabase[dict[str, Any]]
    commits: list[Commit]
    ends: set[ObjectId] = field(default_factory=set)
    things: dict[ObjectId, tuple[str, str | None]] = field(default_factory=dict)
    resume: Document | None = None
    listening: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Note commits for ever."""
        while True:
            try:
                await self._follow()
            except PyMongoError:  # a step-down; it goes on where it was
                await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        ours = {"$match": {"ns.coll": {"$in": [*_KINDS, _END]}}}
        async with await self.database.watch([ours], resume_after=self.resume) as stream:
            self.resume = stream.resume_token
            self.listening.set()
            async for change in stream:
                self._note(change)
                self.resume = stream.resume_token

    def _note(self, change: Document) -> None:
        key, collection = change["documentKey"]["_id"], change["ns"]["coll"]
        values: Document = change.get("fullDocument") or change["updateDescription"]["updatedFields"]
        if collection == _END:
            self.ends.add(key)
            return
        if change["operationType"] == "insert":
            self.things[key] = str(values["id"]), _owner(values)
        if "version" not in values:  # events that were told, or a command that changed nothing
            return
        thing, owner = self.things[key]
        self.commits.append(
            Commit(
                kind=_KINDS[collection],
                thing=thing,
                version=values["version"],
                at=asyncio.get_running_loop().time(),
                mark=values.get(_MARKS[collection]),
                status=values.get("status"),
                address=values.get("email_key"),
                owner=owner,
            )
        )

    async def catch_up(self) -> None:
        """Wait until all is noted that was stored before this."""
        end = (await self.database[_END].insert_one({})).inserted_id

        async def heard() -> bool:
            return end in self.ends

        await eventually(heard, within=60)

    async def stored(self) -> dict[str, Stored]:
        """Return every profile and post as it is."""
        found = {}
        for collection in _KINDS:
            async for each in self.database[collection].find({}):
                facts = each["version"], each["status"], each.get("email_key"), _owner(each)
                found[str(each["id"])] = Stored(*facts)
        return found

    async def has_untold(self) -> bool:
        """Return whether an event waits to be told that can be."""
        waits = {"outbox": {"$elemMatch": {"type": {"$ne": UNREADABLE}}}}
        waiting = [await self.database[each].find_one(waits) for each in _KINDS]
        return any(waiting)


def _owner(document: Document) -> str | None:
    return str(document["user_id"]) if "user_id" in document else None


@asynccontextmanager
async def watching(mongo_url: str, commits: list[Commit]) -> AsyncIterator[Watch]:
    """Add to *commits* whatever is stored at *mongo_url* inside the block."""
    async with AsyncMongoClient[dict[str, Any]](
        mongo_url, uuidRepresentation="standard", tz_aware=True
    ) as client:
        watch = Watch(client.get_default_database(), commits)
        following = asyncio.create_task(watch.follow())
        try:
            await watch.listening.wait()
            yield watch
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
