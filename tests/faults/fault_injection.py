"""What can go wrong, one function for each: it goes wrong for a moment, and is put right."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, Final

from aio_pika import Message
from aio_pika.exceptions import ChannelPreconditionFailed
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from redis.asyncio import Redis

from service.infrastructure.rabbitmq.topology import RETRIES
from service.pkg.management_api import ManagementError
from tests.faults.alarms import memory_alarm, node_of
from tests.faults.cluster import Cluster
from tests.faults.commits import UNREADABLE
from tests.faults.records import History
from tests.integration.connections import connect
from tools.servers.environment import MONGODB
from tools.servers.sandbox import REDIS_CLAIM

Disturbance = Callable[[Cluster, random.Random], Awaitable[bool]]

# Each returns whether it did it: sometimes there is nothing to disturb, or it is not ours.
# How long something is away, at least, at most and mostly: MongoDB's driver gives up after four seconds.
_AWAY: Final = (0.1, 4.5, 0.5)
# Longer than a worker needs to notice that a line is dead: three heartbeats and some.
_DEAD: Final = (15.0, 25.0, 18.0)
# A key of direct reply-to that no broker has made: whoever publishes to it loses the connection.
_FORGED: Final = "amq.rabbitmq.reply-to.AAAA.BBBB"
# Of what is published for no other purpose; dead letters are left of it.
FORGED_BY: Final = "nobody"


async def end_a_worker(by: signal.Signals, cluster: Cluster, chance: random.Random) -> bool:
    """End a worker; another one is started in its place."""
    workers = [place.worker for place in cluster.places if place.worker]
    if workers:
        chance.choice(workers).process.send_signal(by)
    return bool(workers)


async def spoil_the_network(
    server: str, how: str, away: tuple[float, float, float], cluster: Cluster, chance: random.Random
) -> bool:
    """Let the way to *server* be bad for a moment."""
    proxy = cluster.proxies[server]
    getattr(proxy, how)()
    await asyncio.sleep(chance.triangular(*away))
    proxy.mend()
    return True


async def close_a_connection(cluster: Cluster, chance: random.Random) -> bool:
    """Close a connection of a worker, as the console's button does."""
    connections = [each for each in await cluster.broker.connections() if "profile-service@" in str(each)]
    if connections:
        with suppress(ManagementError):  # it is gone already
            await cluster.broker.close_connection(chance.choice(connections)["name"])
    return bool(connections)


async def step_down(cluster: Cluster, _chance: random.Random) -> bool:
    """Let the primary of MongoDB be none for two seconds, if we may; then it elects itself again."""
    async with AsyncMongoClient[dict[str, Any]](cluster.sandbox.mongo_url) as client:
        started = await client.admin.command("getCmdLineOpts")
        if "profile-servers-" not in str(started) and os.environ.get(MONGODB):
            return False  # somebody else's
        with suppress(PyMongoError):  # it may close our connection, too
            await client.admin.command("replSetStepDown", 2, secondaryCatchUpPeriodSecs=0, force=True)
    return True


async def empty_redis(cluster: Cluster, _chance: random.Random) -> bool:
    """Forget everything in our database of Redis, but that it is ours."""
    async with (
        Redis.from_url(cluster.sandbox.redis_url) as redis,
        redis.pipeline(transaction=True) as pipeline,
    ):
        pipeline.flushdb()
        pipeline.set(REDIS_CLAIM, cluster.sandbox.vhost)
        await pipeline.execute()
    return True


async def delete_a_queue(cluster: Cluster, chance: random.Random) -> bool:
    """Delete a queue that only holds what is asked again; the workers have to make it again."""
    await cluster.broker.channel.queue_delete(chance.choice(["profile.get", "post.get", "post.list"]))
    return True


async def change_a_queue(cluster: Cluster, chance: random.Random) -> bool:
    """Let a queue of queries be one of another kind for a moment, which no worker may take for its own."""
    channel, name = cluster.broker.channel, chance.choice(["profile.get", "post.get", "post.list"])
    await channel.queue_delete(name)
    with suppress(ChannelPreconditionFailed):  # a worker was faster, and has made it as it should be
        async with await connect(cluster.sandbox.admin_url) as connection:
            other = await connection.channel()
            await other.declare_queue(name, durable=True, arguments={"x-max-length": 1})
            await asyncio.sleep(chance.triangular(*_AWAY))
    await channel.queue_delete(name)
    return True


async def delete_an_exchange(cluster: Cluster, chance: random.Random) -> bool:
    """Delete an exchange that the workers have to make again, with its bindings."""
    names = ["profile.commands", "profile.unroutable", *RETRIES]
    await cluster.broker.channel.exchange_delete(chance.choice(names))
    return True


async def poison_an_outbox(cluster: Cluster, chance: random.Random) -> bool:
    """Leave an event among those of a profile that this version of the service can't read."""
    entry = {"type": UNREADABLE, "time": datetime.now(UTC), "version": chance.randrange(100)}
    async with AsyncMongoClient[dict[str, Any]](cluster.sandbox.mongo_url) as client:
        profiles = client.get_default_database()["profiles"]
        try:
            done = await profiles.update_one({"status": "active"}, {"$push": {"outbox": entry}})
        except PyMongoError:  # the primary has stepped down just now
            return False
    return done.modified_count > 0


async def forge_a_reply_address(cluster: Cluster, chance: random.Random) -> bool:
    """Ask for replies to an address on which the broker closes whatever connection publishes to it."""
    for queue in chance.sample(["profile.get", "profile.update", "post.get", "auth.keys"], 2):
        message = Message(b"{}", message_id=FORGED_BY, reply_to=_FORGED)
        await cluster.broker.channel.default_exchange.publish(message, queue, mandatory=False)
    return True


async def raise_an_alarm(cluster: Cluster, chance: random.Random) -> bool:
    """Let the broker take nothing more for a moment, for want of memory, if we may."""
    if node := await node_of(cluster.broker):
        async with memory_alarm(node):
            await asyncio.sleep(chance.triangular(*_AWAY))
    return node is not None


# By what they hit, by name.
TO_WORKERS: Final[Mapping[str, Disturbance]] = {
    "worker killed": partial(end_a_worker, signal.SIGKILL),
    "worker terminated": partial(end_a_worker, signal.SIGTERM),
}
TO_SERVERS: Final[Mapping[str, Disturbance]] = {
    **{
        f"{server} {word}": partial(spoil_the_network, server, how, _AWAY)
        for server in ("mongodb", "rabbitmq", "redis")
        for how, word in {"cut": "cut off", "freeze": "silent", "slow": "slow", "reset": "reset"}.items()
    },
    "connection closed": close_a_connection,
    "primary stepped down": step_down,
    "redis emptied": empty_redis,
    "queue deleted": delete_a_queue,
    "queue changed": change_a_queue,
    "exchange deleted": delete_an_exchange,
    "outbox poisoned": poison_an_outbox,
    "reply address forged": forge_a_reply_address,
    "memory alarm": raise_an_alarm,
}
# What takes so long that a short run has no time for it.
AT_LENGTH: Final[Mapping[str, Disturbance]] = {
    f"{server} dead": partial(spoil_the_network, server, "freeze", _DEAD)
    for server in ("mongodb", "rabbitmq", "redis")
}


async def disturb(
    cluster: Cluster,
    history: History,
    disturbances: Mapping[str, Disturbance],
    *,
    pauses: tuple[float, float],
    chance: random.Random,
    over: asyncio.Event | None = None,
    rounds: int | None = None,
) -> None:
    """Disturb so many *rounds*, or until it is *over*: each disturbance once, in any order, and so again."""
    left: list[str] = []
    for _ in count() if rounds is None else range(rounds * len(disturbances)):
        if over and over.is_set():
            return
        left = left or chance.sample(list(disturbances), len(disturbances))
        name = left.pop()
        history.faults.append(note := (asyncio.get_running_loop().time(), name))
        if not await disturbances[name](cluster, chance):
            history.faults.remove(note)
        await asyncio.sleep(chance.uniform(*pauses))


def counted(history: History) -> Counter[str]:
    """Return how often there was each kind of fault."""
    return Counter(name for _, name in history.faults)
