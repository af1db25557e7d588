"""What was committed, beside what others were told."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from pamqp.common import FieldTable
from pymongo.asynchronous.database import AsyncDatabase

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import map_cancellation
from tests.integration.connections import connect
from tests.integration.gateway import eventually

# Those that happen to a profile once with each of its versions.
ONCE_A_VERSION = {"profile.created", "profile.updated", "profile.deleted", "profile.erased"}


@dataclass(slots=True)
class Told:
    """Every event that others heard, in the order in which they heard it."""

    ids: list[str] = field(default_factory=list)
    bodies: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    versions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Note an event; of one that was heard before, only that it came again."""
        event = json.loads(message.body)
        is_new = event["id"] not in self.bodies
        self.bodies[event["id"]].add(message.body)
        if event["type"] in ONCE_A_VERSION and is_new:
            self.versions[event["subject"]].append(event["data"]["version"])
        self.ids.append(event["id"])

    async def keep(self, message: AbstractIncomingMessage) -> None:
        """Note an event, and take it out of its queue."""
        await self.hear(message)
        with suppress(AMQPError, ChannelInvalidStateError, OSError):  # then it comes again
            await message.ack()


@asynccontextmanager
async def listening(admin_url: str) -> AsyncIterator[Told]:
    """Hear events inside the block, from a queue that outlives every worker."""
    async with await connect(admin_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS_EXCHANGE, "#")
        told = Told()
        await queue.consume(told.hear, no_ack=True)
        yield told


@asynccontextmanager
async def listening_on_any_node(admin_url: str) -> AsyncIterator[Told]:
    """Hear events inside the block from a queue that outlives every node, over one connection or another.

    Only one of them is delivered to at a time. A node that is cut off keeps a consumer that is gone for a
    minute, and half of the events would come after it, later than what the next consumer has got meanwhile.
    """
    told, bound = Told(), asyncio.Event()
    following = asyncio.create_task(_follow(admin_url, told, bound))
    try:
        async with asyncio.timeout(60):
            await bound.wait()
        yield told
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _follow(admin_url: str, told: Told, bound: asyncio.Event) -> None:
    while True:
        with suppress(AMQPError, ChannelInvalidStateError, OSError, RuntimeError), map_cancellation():
            async with await connect(admin_url, heartbeat=2) as connection:
                channel = await connection.channel()
                arguments: FieldTable = {"x-queue-type": "quorum", "x-single-active-consumer": True}
                queue = await channel.declare_queue("gateway.history", durable=True, arguments=arguments)
                await queue.bind(EVENTS_EXCHANGE, "#")
                bound.set()
                lost = asyncio.Event()
                connection.close_callbacks.add(lambda *_, lost=lost: lost.set())
                await queue.consume(told.keep)
                await lost.wait()
        await asyncio.sleep(0.2)


async def assert_told_as_committed(told: Told, database: AsyncDatabase[dict[str, Any]]) -> int:
    """Wait until all is told that was committed; compare the two; return how many events there were."""

    async def told_as_committed() -> bool:
        waiting = [await database[each].find_one({"outbox.0": {"$exists": True}}) for each in _KEEPERS]
        found = database["profiles"].find({}, {"id": 1, "version": 1})
        committed.update({str(each["id"]): each["version"] async for each in found})
        return not any(waiting) and all(
            len(told.versions[name]) >= version for name, version in committed.items()
        )

    committed: dict[str, int] = {}
    await eventually(told_as_committed, within=60)
    # Every committed change has its event, in order, and there is none for a change that is not there.
    assert dict(told.versions) == {name: list(range(1, version + 1)) for name, version in committed.items()}
    # What came twice was the same.
    assert {name for name, bodies in told.bodies.items() if len(bodies) > 1} == set()
    return sum(committed.values())


_KEEPERS = ("profiles", "posts", "sessions")
