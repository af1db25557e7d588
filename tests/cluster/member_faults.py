"""What happens to members of a cluster, one at a time: each is back before the next one goes."""

import asyncio
import itertools
import random
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.faults.cluster import Cluster
from tests.faults.fault_injection import Disturbance, end_a_worker
from tests.integration.gateway import eventually
from tools.servers.members import Member
from tools.servers.mongodb_set import primary_of
from tools.servers.server_cluster import ServerCluster

# How long a member is away, at least and at most, in seconds.
_AWAY: Final = (3.0, 6.0)
# A pause is longer than any heartbeat, and shorter than Erlang waits before it takes a node for dead (45 s).
_PAUSED: Final = (12.0, 20.0)
_BACK_SECONDS: Final = 60.0


@dataclass(slots=True)
class MemberFaults:
    """Disturbs *servers*; nodes of the broker in turn."""

    servers: ServerCluster
    turns: Iterator[int] = field(default_factory=itertools.count)

    def by_name(self) -> Mapping[str, Disturbance]:
        """Return all of them."""
        return {
            "RabbitMQ node killed": self._kill_node,
            "RabbitMQ node paused": self._pause_node,
            "MongoDB primary killed": self._kill_primary,
            "MongoDB primary stepped down": self._step_down,
            "worker killed": partial(end_a_worker, signal.SIGKILL),
        }

    async def _kill_node(self, _: Cluster, chance: random.Random) -> bool:
        await _kill(self._next_node(), chance)
        return True

    async def _pause_node(self, _: Cluster, chance: random.Random) -> bool:
        node = self._next_node()
        node.pause()
        try:
            await asyncio.sleep(chance.uniform(*_PAUSED))
        finally:
            node.resume()
        await asyncio.to_thread(node.wait, _BACK_SECONDS)
        return True

    async def _kill_primary(self, _: Cluster, chance: random.Random) -> bool:
        await _kill(await self._primary(), chance)
        await self._primary()
        return True

    async def _step_down(self, _: Cluster, _chance: random.Random) -> bool:
        await asyncio.to_thread(_step_down, await self._primary())
        await self._primary()
        return True

    def _next_node(self) -> Member:
        nodes = self.servers.rabbitmq
        return nodes[next(self.turns) % len(nodes)]

    async def _primary(self) -> Member:
        async def look() -> Member | None:
            return await asyncio.to_thread(primary_of, self.servers.mongodb)

        found = await eventually(look)
        assert found
        return found


async def _kill(member: Member, chance: random.Random) -> None:
    await asyncio.to_thread(member.kill)
    await asyncio.sleep(chance.uniform(*_AWAY))
    member.start()
    await asyncio.to_thread(member.wait, _BACK_SECONDS)


def _step_down(primary: Member) -> None:
    with MongoClient[dict[str, object]](f"mongodb://{primary.address}", directConnection=True) as client:
        try:
            client.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
        except PyMongoError:  # it may close our connection, too
            return
