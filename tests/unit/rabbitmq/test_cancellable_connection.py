"""Whoever is told to end while it connects leaves nothing behind that goes on connecting."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from faststream.rabbit import RabbitBroker

from service.infrastructure.rabbitmq import publisher
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.topology import topology
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper
from service.pkg.signals import Termination
from tests.integration.silent_node import silent_node

# To connect; a node that says nothing takes all of it.
SHORT, LONG = 0.3, 60.0


async def publish(url: str, _seconds: float = LONG) -> None:
    async with RabbitPublisher(url):
        raise NotImplementedError  # nobody lets it in


async def consume(url: str, seconds: float = LONG) -> None:
    broker = RabbitBroker(url, timeout=seconds, reconnect_interval=1.0)
    await Consumers(broker, TopologyKeeper(topology(), may_make=False)).connect()


def connecting() -> Sequence[str]:
    """Return which tasks connect, and connect again."""
    names = [getattr(each.get_coro(), "__qualname__", "") for each in asyncio.all_tasks()]
    return [each for each in names if each.startswith("RobustConnection")]


@pytest.mark.parametrize("begin", [publish, consume])
async def test_an_end_while_the_broker_hangs_is_at_once_and_leaves_nobody_who_connects(
    begin: Callable[[str], Awaitable[None]],
) -> None:
    async with silent_node() as node:
        worker = asyncio.ensure_future(begin(node.url()))
        await node.is_tried()
        tasks = connecting()
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker

        assert len(tasks) == 1
        assert connecting() == []
        await node.is_left()


def test_a_worker_that_is_told_to_end_meanwhile_ends_in_time() -> None:
    """Also where nobody waits until it has, and the event loop cancels what is left."""

    async def run() -> bool:
        async with silent_node() as node:
            termination = Termination(seconds=60.0, forced_code=3)
            working = asyncio.ensure_future(termination.unless_requested(publish(node.url())))
            await node.is_tried()
            termination.requested.set()
            return await working

    assert not asyncio.run(run())


@pytest.mark.parametrize("begin", [publish, consume])
async def test_a_broker_that_hangs_is_told_in_time(
    begin: Callable[[str, float], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "CONNECT_SECONDS", SHORT)
    async with silent_node() as node:
        with pytest.raises(TimeoutError):
            await begin(node.url(), SHORT)

        assert connecting() == []
