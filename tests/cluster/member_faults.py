"""What happens to members of a cluster, one at a time: each is back before the next one goes."""

import asyncio
import itertools
import random
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from typing import Final

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from service.infrastructure.rabbitmq.connection import map_cancellation
from service.infrastructure.rabbitmq.topology import CONSUMED
from service.pkg.management_api import ManagementApi, ManagementError
from tests.faults.cluster import Cluster
from tests.faults.fault_injection import Disturbance, end_a_worker
from tests.integration.broker import administrating
from tests.integration.gateway import eventually
from tools.servers.errors import ServerFailed
from tools.servers.members import Member
from tools.servers.mongodb_set import primary_of
from tools.servers.server_cluster import ServerCluster

# How long a member is away, at least and at most, in seconds.
_AWAY: Final = (3.0, 6.0)
# A pause is longer than any heartbeat, and shorter than Erlang waits before it takes a node for dead (22 s).
_PAUSED: Final = (12.0, 20.0)
# A member that is cut off for long has been given up by the others, and a node then stops working by itself.
_CUT_OFF_FOR_LONG: Final = (80.0, 90.0)
_BACK_SECONDS: Final = 90.0
# For a look at all queues.
_LOOK_SECONDS: Final = 10.0
# A node that was silent may notice only now that it was alone, and stop for a while, or be given up. For so
# long all nodes have to say that all are there before one of them is disturbed again.
_AGREEMENT_SECONDS: Final = 15.0
# Within which they do so by themselves, mostly.
_BY_THEMSELVES_SECONDS: Final = 45.0
_BUSY_QUEUES: Final = ("profile.update", "post.update", "profile.get")


@dataclass(slots=True)
class MemberFaults:
    """Disturbs *servers*; nodes of the broker in turn."""

    servers: ServerCluster
    turns: Iterator[int] = field(default_factory=itertools.count)

    def by_name(self) -> Mapping[str, Disturbance]:
        """Return all that can be done here.

        A broker that somebody else runs is left alone. To be cut off, a member has to be a host of its own.
        """
        found: dict[str, Disturbance] = {
            "MongoDB primary killed": self._kill_primary,
            "MongoDB primary stepped down": self._step_down,
            "worker killed": partial(end_a_worker, signal.SIGKILL),
            "all restarted, one by one": self._restart_all,
        }
        if self.servers.rabbitmq:
            found["RabbitMQ node killed"] = self._kill_node
            found["RabbitMQ leader of a queue killed"] = self._kill_leader
            found["RabbitMQ node paused"] = self._pause_node
        if self.servers.mongodb[0].host.can_be_cut_off:
            found["MongoDB primary cut off"] = self._cut_primary_off
            if self.servers.rabbitmq:
                found["RabbitMQ node cut off"] = partial(self._cut_node_off, _PAUSED)
                found["RabbitMQ node cut off for long"] = partial(self._cut_node_off, _CUT_OFF_FOR_LONG)
        return {name: partial(_until_staffed, disturbance) for name, disturbance in found.items()}

    async def _kill_node(self, _: Cluster, chance: random.Random) -> bool:
        await _kill(self._next_node(), chance)
        return True

    async def _kill_leader(self, cluster: Cluster, chance: random.Random) -> bool:
        queue = chance.choice(_BUSY_QUEUES)
        leader = await asyncio.to_thread(self._leader_of, queue, cluster.sandbox.vhost)
        await _kill(leader, chance)
        return True

    async def _pause_node(self, _: Cluster, chance: random.Random) -> bool:
        node = self._next_node()
        node.pause()
        try:
            await asyncio.sleep(chance.uniform(*_PAUSED))
        finally:
            node.resume()
        await _come_back(node)
        await self._agreement()
        return True

    async def _cut_node_off(self, away: tuple[float, float], _: Cluster, chance: random.Random) -> bool:
        node = self._next_node()
        await _cut_off(node, away, chance)
        await _come_back(node)
        await self._agreement()
        return True

    async def _cut_primary_off(self, _: Cluster, chance: random.Random) -> bool:
        primary = await self._primary()
        await _cut_off(primary, _PAUSED, chance)
        await asyncio.to_thread(primary.wait, _BACK_SECONDS)
        await self._primary()
        return True

    async def _kill_primary(self, _: Cluster, chance: random.Random) -> bool:
        await _kill(await self._primary(), chance)
        await self._primary()
        return True

    async def _restart_all(self, cluster: Cluster, _chance: random.Random) -> bool:
        """Restart all as an upgrade of machines does: each is back before the next one goes."""
        for member in self.servers.members:
            await asyncio.to_thread(_restart, member)
        await self._primary()
        for place in cluster.places:
            await place.restart()
        return True

    async def _step_down(self, _: Cluster, _chance: random.Random) -> bool:
        await asyncio.to_thread(_step_down, await self._primary())
        await self._primary()
        return True

    async def _agreement(self) -> None:
        """Wait until all nodes have said for a while that all of them are there.

        After a pause nodes may stay apart, each of which thinks that it was there. That is for operators to
        mend: they trust one, and restart the others (RabbitMQ documentation, "Clustering and Network
        Partitions").
        """
        since: float | None = None

        async def agreed() -> bool:
            nonlocal since
            is_whole = await asyncio.to_thread(self._is_whole)
            now = asyncio.get_running_loop().time()
            since = (since or now) if is_whole else None
            return since is not None and now - since >= _AGREEMENT_SECONDS

        for other in self.servers.rabbitmq[1:]:
            with suppress(TimeoutError):
                await eventually(agreed, within=_BY_THEMSELVES_SECONDS)
                return
            print("nodes stayed apart: one is restarted, as an operator would")  # noqa: T201 - for the closing note
            await asyncio.to_thread(_restart, other)
        await eventually(agreed, within=_BACK_SECONDS)

    def _is_whole(self) -> bool:
        """Return whether each node says that all are running."""
        for each in self.servers.nodes:
            management = ManagementApi.of(each.management_url, self.servers.servers.rabbitmq_url)
            try:
                known = management.get("nodes")
            except (ManagementError, OSError, HTTPException, ValueError):
                return False
            if [one["running"] for one in known] != [True] * len(self.servers.nodes):
                return False
        return True

    def _leader_of(self, queue: str, vhost: str) -> Member:
        """Return the node that leads *queue*; all nodes are there."""
        management = ManagementApi.of(self.servers.nodes[0].management_url, self.servers.servers.rabbitmq_url)
        leader = management.get("queues", vhost, queue)["leader"]
        return next(each for each in self.servers.rabbitmq if each.name.endswith(leader))

    def _next_node(self) -> Member:
        nodes = self.servers.rabbitmq
        return nodes[next(self.turns) % len(nodes)]

    async def _primary(self) -> Member:
        async def look() -> Member | None:
            return await asyncio.to_thread(primary_of, self.servers.mongodb)

        found = await eventually(look)
        assert found
        return found


async def _until_staffed(disturbance: Disturbance, cluster: Cluster, chance: random.Random) -> bool:
    """Disturb, and wait until every worker consumes from every queue again, by itself."""
    done = await disturbance(cluster, chance)

    async def all_consume() -> bool:
        with suppress(AMQPError, ChannelInvalidStateError, OSError, RuntimeError), map_cancellation():
            async with asyncio.timeout(_LOOK_SECONDS), administrating(cluster.sandbox) as broker:
                return all([await broker.consumers(queue) == len(cluster.places) for queue in CONSUMED])
        return False  # a node that has just come back has broken the connection

    await eventually(all_consume, within=_BACK_SECONDS)
    return done


def _restart(member: Member) -> None:
    member.stop()
    member.start()
    member.wait(_BACK_SECONDS)


async def _kill(member: Member, chance: random.Random) -> None:
    await asyncio.to_thread(member.kill)
    await asyncio.sleep(chance.uniform(*_AWAY))
    member.start()
    await asyncio.to_thread(member.wait, _BACK_SECONDS)


async def _cut_off(member: Member, away: tuple[float, float], chance: random.Random) -> None:
    member.host.cut_off()
    try:
        await asyncio.sleep(chance.uniform(*away))
    finally:
        member.host.reconnect()


async def _come_back(node: Member) -> None:
    """Wait until *node* answers again; one that hangs after it was silent is killed and started.

    An operator would do so, too. Seen once in thirty times that a node was cut off, with RabbitMQ 3.10.8 and
    Erlang 25.2: the last in its log is that it "fakes" that others have gone and come.
    """
    try:
        await asyncio.to_thread(node.wait, _BACK_SECONDS)
    except ServerFailed:
        print(f"{node.name} hangs: it is killed and started")  # noqa: T201 - for the closing note
        await asyncio.to_thread(node.kill)
        node.start()
        await asyncio.to_thread(node.wait, _BACK_SECONDS)


def _step_down(primary: Member) -> None:
    with MongoClient[dict[str, object]](f"mongodb://{primary.address}", directConnection=True) as client:
        try:
            client.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
        except PyMongoError:  # it may close our connection, too
            return
