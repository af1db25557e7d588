"""A client with a queue of its own for replies goes on when the node dies that the queue is on."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import pytest

from profile_contracts.client import ProfileClient, rpc
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.pkg.broker_urls import broker_urls
from tests.integration.broker import Broker, administrating
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of
from tests.reaper import reaping
from tools.servers.members import Member
from tools.servers.sandbox import Sandbox, sandbox
from tools.servers.server_cluster import ServerCluster, running_cluster
from tools.worker import running_worker

SETTINGS: Final = {"QUERY_QUEUE_TYPE": "quorum"}
# For a killed node, as `docs/howto/cluster.md` has it.
LONGEST_GAP: Final = 15.0
BACK_SECONDS: Final = 60.0


@pytest.fixture(scope="module")
def server_cluster() -> Iterator[ServerCluster]:
    """Three nodes of RabbitMQ."""
    with reaping(), running_cluster() as started:
        yield started


@pytest.fixture(scope="module")
def cluster_sandbox(
    server_cluster: ServerCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """What there is on them, and a worker."""
    with (
        sandbox(server_cluster.servers, definitions(topology("quorum")), vhost="/") as box,
        running_worker(box, tmp_path_factory.mktemp("worker"), SETTINGS),
    ):
        yield box


async def home_of(broker: Broker) -> tuple[str, str]:
    """Return the queue of replies, and the node that it is on."""

    async def look() -> tuple[str, str] | None:
        found = await broker.look_here("queues")
        mine = [each for each in found if each["name"].startswith("gateway.replies.") and "node" in each]
        running = [each for each in mine if each.get("consumers")]
        return (running[0]["name"], running[0]["node"]) if running else None

    found = await eventually(look)
    assert found
    return found


def member_of(cluster: ServerCluster, node: str) -> Member:
    """Return the member that is called *node*."""
    return next(each for each in cluster.rabbitmq if each.name.endswith(node))


@dataclass(slots=True)
class Load:
    """Calls that are in flight until it is over, one after the other by each of four callers.

    Attributes:
        good: When each of them was answered.

    """

    client: ProfileClient
    good: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def goes_on(self) -> None:
        """Wait until calls that began later than now are answered."""
        began = time.monotonic()

        async def look() -> bool:
            return bool(self.good) and self.good[-1] > began + 1

        await eventually(look)

    async def ask_on(self) -> None:
        while not self.over.is_set():
            if (await self.client.keys(timeout=BACK_SECONDS)).keys:
                self.good.append(time.monotonic())

    def longest_gap(self, since: float) -> float:
        """Return the longest time without a reply, in seconds."""
        times = [since, *(each for each in self.good if each > since)]
        return max(after - before for before, after in pairwise(times))


@asynccontextmanager
async def loaded(client: ProfileClient) -> AsyncIterator[Load]:
    load = Load(client)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(load.ask_on())
        await load.goes_on()
        try:
            yield load
        finally:
            load.over.set()


async def killed(load: Load, member: Member) -> float:
    """Kill *member*, and return how long there was no reply; it is back then."""
    await asyncio.to_thread(member.kill)
    began = time.monotonic()
    await load.goes_on()
    member.start()
    await asyncio.to_thread(member.wait, BACK_SECONDS)
    return load.longest_gap(began)


async def test_when_the_node_dies_that_client_and_queue_are_on_calls_go_on(
    server_cluster: ServerCluster, cluster_sandbox: Sandbox
) -> None:
    urls = broker_urls(cluster_sandbox.gateway_url)
    async with (
        administrating(cluster_sandbox) as broker,
        ProfileClient(urls, replies="queue") as client,
        loaded(client) as load,
    ):
        queue, node = await home_of(broker)
        gap = await killed(load, member_of(server_cluster, node))
        another, _ = await home_of(broker)
    print(f"\nat most {gap:.1f} s without a reply")  # noqa: T201 - for the closing note

    assert gap < LONGEST_GAP
    assert another != queue


async def test_over_another_node_the_queue_stays_and_when_its_own_dies_calls_go_on(
    server_cluster: ServerCluster, cluster_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "_shuffled", list)  # the way to the first one is what breaks
    first, second, *_ = broker_urls(cluster_sandbox.gateway_url)
    async with (
        administrating(cluster_sandbox) as broker,
        proxied(*address_of(first)) as proxy,
        ProfileClient([behind(proxy, first), second], replies="queue") as client,
        loaded(client) as load,
    ):
        queue, node = await home_of(broker)
        proxy.cut()
        await load.goes_on()
        same, _ = await home_of(broker)
        gap = await killed(load, member_of(server_cluster, node))
        another, _ = await home_of(broker)
    print(f"\nat most {gap:.1f} s without a reply")  # noqa: T201 - for the closing note

    assert same == queue
    assert gap < LONGEST_GAP
    assert another != queue
