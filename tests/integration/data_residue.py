"""Everything that is left of anybody: documents, keys of Redis, and messages in queues."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from redis import Redis

from profile_contracts.events import EVENTS_EXCHANGE
from tests.integration.broker import Broker
from tests.integration.connections import connect
from tools.servers.sandbox import Sandbox


async def in_mongodb(database: AsyncDatabase[dict[str, Any]]) -> dict[str, str]:
    """Return what is in each collection."""
    names = await database.list_collection_names()
    return {name: repr([each async for each in database[name].find()]) for name in names}


def in_redis(sandbox: Sandbox) -> dict[str, str]:
    """Return what is under each key."""
    with Redis.from_url(sandbox.redis_url) as redis:
        client: Any = redis  # its types do not tell a client from an asynchronous one
        return {repr(key): repr((key, _value(client, key))) for key in client.scan_iter()}


def _value(redis: Any, key: bytes) -> object:
    readers: dict[bytes, Callable[[], object]] = {
        b"string": lambda: redis.get(key),
        b"hash": lambda: redis.hgetall(key),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"set": lambda: redis.smembers(key),
        b"zset": lambda: redis.zrange(key, 0, -1, withscores=True),
    }
    return readers[redis.type(key)]()


async def in_queues(broker: Broker) -> Mapping[str, list[str]]:
    """Return the messages that wait in each queue, with headers and properties; they stay there.

    What others listen to by an exclusive queue waits nowhere.
    """
    peek = {"count": 100_000, "ackmode": "ack_requeue_true", "encoding": "auto"}
    found = [each["name"] for each in await broker.look_here("queues") if not each["exclusive"]]
    names = [name for name in found if not name.startswith("profile.probe.")]  # by workers, for themselves
    return {name: [repr(each) for each in await _peek(broker, name, peek)] for name in names}


async def _peek(broker: Broker, queue: str, how: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = await broker.ask_here("queues", queue, "get", body=how)
    return found


@asynccontextmanager
async def every_event_kept(sandbox: Sandbox, queue: str) -> AsyncIterator[None]:
    """Let *queue* take every event inside the block, and nobody take them out."""
    async with await connect(sandbox.admin_url) as connection:
        channel = await connection.channel()
        kept = await channel.declare_queue(queue, durable=True)
        await kept.bind(EVENTS_EXCHANGE, "#")
        yield
        await kept.delete(if_empty=False)
