"""One address names all brokers of a cluster, and a connection goes to one that answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest
from aiormq.exceptions import AMQPConnectionError

from service.infrastructure.rabbitmq import joined_writes
from service.infrastructure.rabbitmq.broker_order import BrokerOrder
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.joined_writes import JoiningTransports, cluster_url
from service.pkg.broker_urls import broker_urls

HEADER: Final = b"AMQP\x00\x00\x09\x01"


@pytest.fixture(autouse=True)
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try brokers in the order in which they are named, and a silent one for a moment only."""
    monkeypatch.setattr(BrokerOrder, "of", lambda _, brokers, *_others: list(brokers))
    monkeypatch.setattr(joined_writes, "_SILENT_SECONDS", 0.01)


class Brokers:
    """Listens as brokers of several kinds do.

    Attributes:
        heard: All that was said to those that answer, once they were answered.

    """

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.over = asyncio.Event()

    async def answering(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readexactly(len(HEADER)))
        writer.write(b"start")
        self.heard.append(await reader.read())
        writer.close()
        self.over.set()

    async def silent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def closing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()


@asynccontextmanager
async def listening(brokers: Brokers, *kinds: str) -> AsyncIterator[str]:
    """Give the address of a cluster of these *kinds* of brokers, and one where nobody listens."""
    ports = [1]
    async with AsyncExitStack() as stack:
        for kind in kinds:
            server = await asyncio.start_server(getattr(brokers, kind), "127.0.0.1", 0)
            ports.append(server.sockets[0].getsockname()[1])
            stack.callback(server.close)
        yield f"amqp://u:p@{','.join(f'127.0.0.1:{port}' for port in ports)}/v"


async def test_a_connection_goes_to_the_one_that_answers_and_greets_it_once() -> None:
    brokers = Brokers()
    async with listening(brokers, "closing", "silent", "answering") as url:
        reader, writer = await JoiningTransports().create(cluster_url(url))
        writer.write(HEADER)  # as aiormq does
        writer.write(b"start-ok")

        assert await reader.readexactly(5) == b"start"
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            await brokers.over.wait()

    assert brokers.heard == [HEADER, b"start-ok"]


async def test_where_none_answers_it_says_so() -> None:
    async with listening(Brokers(), "closing") as url:
        with pytest.raises(AMQPConnectionError):
            await JoiningTransports().create(cluster_url(url))


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("amqp://u:p%40@a/v", ["amqp://u:p%40@a/v"]),
        ("amqps://u@a:1,b,[::1]:2/v?x", [f"amqps://u@{each}/v?x" for each in ("a:1", "b", "[::1]:2")]),
    ],
)
def test_an_address_names_each_broker_with_the_same_user_and_host(url: str, urls: list[str]) -> None:
    assert broker_urls(url) == urls


def test_a_url_for_one_broker_stays_as_it_is() -> None:
    assert str(cluster_url("amqp://u:p%40ss@mq:5673/v%2Fh?a=1")) == "amqp://u:p%40ss@mq:5673/v%2Fh?a=1"


def test_a_name_on_the_console_and_credentials_are_the_same_for_all() -> None:
    url = with_connection_name("amqps://u:p%40ss@a:1,b/v%2Fh?cafile=x", "consume")

    assert (url.user, url.password, url.raw_path, url.query["cafile"]) == ("u", "p@ss", "/v%2Fh", "x")
    assert url.query["brokers"] == "a:1,b"
    assert url.query["name"].endswith(" consume")
