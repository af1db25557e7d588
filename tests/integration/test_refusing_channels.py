"""A channel that refuses what another one takes, as RabbitMQ 3.10 has them, and a queue that refuses all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import DeliveryError
from pamqp.common import FieldTable
from yarl import URL

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import connected
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from tests.integration.broker import administrating
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("joined_writes")

EVENT = "profile.updated"
FULL: FieldTable = {"x-max-length": 0, "x-overflow": "reject-publish"}


@asynccontextmanager
async def refused_publisher(sandbox: Sandbox) -> AsyncIterator[RabbitPublisher]:
    """A publisher whose channels refuse all; those that it opens later do not."""
    async with proxied(*address_of(sandbox.service_url)) as proxy:
        proxy.refuse()
        async with RabbitPublisher(behind(proxy, sandbox.service_url)) as publisher:
            proxy.mend()
            yield publisher


async def is_taken(publisher: RabbitPublisher) -> bool:
    """Publish an event, and return whether the broker has it."""
    try:
        await publisher.publish_event(Message(b"{}"), EVENT, needed=False)
    except DeliveryError:
        return False
    return True


async def is_new(publisher: RabbitPublisher) -> bool:
    """Return whether another connection is there in place of the first one."""
    return publisher.reconnects["publish"] == 1 and await publisher.is_open()


async def test_a_dead_letter_gets_through(servers: Servers) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with refused_publisher(sandbox) as publisher, asyncio.timeout(60):
            await publisher.dead_letter(Message(b"{}"), "profile.create.dlq")
            assert await eventually(lambda: is_new(publisher))
            await publisher.dead_letter(Message(b"{}"), "profile.create.dlq")


async def test_an_event_gets_through(servers: Servers) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with refused_publisher(sandbox) as publisher:
            assert not await is_taken(publisher)
            assert await eventually(lambda: is_taken(publisher))
            assert await eventually(lambda: is_new(publisher))
            assert await is_taken(publisher)


async def test_a_full_queue_ends_no_connection(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it has been full since that was made."""
    tried_alone = list[str]()

    def counted(url: URL) -> AbstractAsyncContextManager[AbstractConnection]:
        tried_alone.append(url.query["name"])
        return connected(url)

    monkeypatch.setattr("service.infrastructure.rabbitmq.publisher.connected", counted)
    with isolated_sandbox(servers) as sandbox:
        async with administrating(sandbox) as broker, RabbitPublisher(sandbox.service_url) as publisher:
            queue = await broker.channel.declare_queue("full", arguments=FULL)
            await queue.bind(EVENTS_EXCHANGE, EVENT)

            async def is_tried_alone() -> bool:
                assert not await is_taken(publisher)
                return bool(tried_alone)

            assert await eventually(is_tried_alone)
            assert not await is_taken(publisher)
            await queue.delete()
            assert await is_taken(publisher)
            assert not publisher.reconnects


async def test_a_refusal_comes_within_seconds_though_nothing_comes_of_another_connection(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for it: a queue without a majority may keep us waiting for a minute."""
    tried_alone = asyncio.Event()

    @asynccontextmanager
    async def hang(_: URL) -> AsyncIterator[None]:
        tried_alone.set()
        yield await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("service.infrastructure.rabbitmq.publisher.connected", hang)
    monkeypatch.setattr("service.infrastructure.rabbitmq.publisher._ALONE_SECONDS", 0.1)
    with isolated_sandbox(servers) as sandbox:
        async with refused_publisher(sandbox) as publisher:

            async def is_refused_after_another_try() -> bool:
                assert not await is_taken(publisher)
                return tried_alone.is_set()

            async with asyncio.timeout(60):
                assert await eventually(is_refused_after_another_try)
