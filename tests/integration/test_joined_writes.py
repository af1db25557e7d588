"""What is sent in one turn of the event loop is one write to the kernel, in order, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import aiormq
import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from aiormq.connection import TCPTransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

from profile_contracts.client import ProfileClient
from profile_contracts.errors import Disconnected
from service.infrastructure.rabbitmq.connection import ping
from service.infrastructure.rabbitmq.joined_writes import (
    JoiningTransports,
    publish_joined,
)
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy, proxied
from tools.servers.sandbox import Sandbox

MANY = 50


pytestmark = pytest.mark.usefixtures("joined_writes")


@asynccontextmanager
async def connected(url: str, *, confirms: bool) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url, timeout=5)
    async with connection:
        yield await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)


@pytest.mark.parametrize("confirms", [False, True])
async def test_messages_of_one_turn_are_a_few_writes_and_come_in_order(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, confirms: bool
) -> None:
    writes: list[int] = []
    write = asyncio.StreamWriter.write

    def counted(writer: asyncio.StreamWriter, data: bytes) -> None:
        writes.append(len(data))
        write(writer, data)

    async with connected(sandbox.admin_url, confirms=confirms) as channel:
        queue = await channel.declare_queue(exclusive=True)
        monkeypatch.setattr(asyncio.StreamWriter, "write", counted)
        await asyncio.gather(
            *(publish_joined(channel, Message(b"%d" % number), queue.name) for number in range(MANY))
        )
        written = len(writes)
        bodies = [int((await queue.get()).body) for _ in range(MANY)]

    assert bodies == list(range(MANY))
    assert written <= 3


async def test_a_confirm_is_waited_for_and_what_no_queue_takes_is_said(sandbox: Sandbox) -> None:
    async with connected(sandbox.admin_url, confirms=True) as channel:
        with pytest.raises(DeliveryError):
            await publish_joined(channel, Message(b"x"), "no such queue", mandatory=True)


async def test_the_last_reply_before_the_end_is_sent(sandbox: Sandbox) -> None:
    async with connected(sandbox.admin_url, confirms=False) as reader:
        queue = await reader.declare_queue(exclusive=True)
        async with RabbitPublisher(sandbox.admin_url) as publisher:
            assert await publisher.reply(Message(b"last"), queue.name, confirmed=False, seconds=5)

        async def come() -> bool:
            return await queue.get(fail=False) is not None

        assert await eventually(come, within=10)


async def test_a_broker_that_reads_nothing_holds_writers_back(sandbox: Sandbox) -> None:
    """Or else the messages would fill the memory."""
    async with through(sandbox) as (proxy, url), connected(url, confirms=False) as channel:
        proxy.freeze()
        sent = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while sent < 2_000:
                    await publish_joined(channel, Message(bytes(100_000)), "nobody")
                    sent += 1
        proxy.mend()

    assert sent < 1_000  # what the kernel and the proxy hold


async def test_a_line_that_breaks_is_an_error_of_the_connection(sandbox: Sandbox) -> None:
    async with through(sandbox) as (proxy, url), connected(url, confirms=True) as channel:
        publishing = asyncio.create_task(publish_joined(channel, Message(b"x"), "nobody"))
        proxy.cut()

        async def fails() -> bool:
            try:
                await publish_joined(channel, Message(b"x"), "nobody")
            except (AMQPError, ChannelInvalidStateError, OSError):
                return True
            return False

        assert await eventually(fails, within=10)
        done, _ = await asyncio.wait([publishing], timeout=10)

    assert done


async def test_where_nobody_listens_it_says_so() -> None:
    async with through(None) as (proxy, url):
        proxy.cut()
        with pytest.raises(AMQPConnectionError):
            await ping(URL(url))


@asynccontextmanager
async def through(sandbox: Sandbox | None) -> AsyncIterator[tuple[Proxy, str]]:
    """Give a proxy in front of the broker, and the broker's address behind it."""
    parts = urlsplit(sandbox.admin_url if sandbox else "amqp://nobody:nothing@127.0.0.1:1/")
    async with proxied(parts.hostname or "", parts.port or 0) as proxy:
        yield (
            proxy,
            parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl(),
        )


class _Late:
    """Gives a connection to aiormq once the other end has closed it."""

    async def create(self, *args: Any, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await super().create(*args, **options)  # type: ignore[misc]

        async def is_closed() -> bool:
            return asyncio.StreamReader.at_eof(reader)

        await eventually(is_closed, within=10)
        return reader, writer


class _LateJoining(_Late, JoiningTransports):
    pass


class _LatePlain(_Late, TCPTransportFactory):
    pass


@asynccontextmanager
async def closing_at_once() -> AsyncIterator[str]:
    """Give the address of who accepts connections, and closes them."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield f"amqp://guest:guest@127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize("transports", [_LateJoining, _LatePlain])
async def test_who_closes_at_once_is_away(monkeypatch: pytest.MonkeyPatch, transports: type) -> None:
    """In aiormq a StopAsyncIteration says so, by which a worker that waited for its broker ended."""
    monkeypatch.setattr(aiormq.connection, "TCPTransportFactory", transports)
    async with closing_at_once() as url:
        with pytest.raises((AMQPError, OSError)):
            await ping(URL(url))
        with pytest.raises(Disconnected):
            await ProfileClient(url).__aenter__()
