"""The proxy that faults come from: what it does to a server that says again what it hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from tests.integration.proxy import Proxy, proxied

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
MUCH = bytes(range(250)) * 4


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say again what is heard."""
    with suppress(ConnectionError):
        while heard := await reader.read(65_536):
            writer.write(heard)
            await writer.drain()
    writer.close()


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy in front of a server that says again what it hears."""
    server = await asyncio.start_server(echo, "127.0.0.1")
    async with server, proxied(*server.sockets[0].getsockname()) as between:
        yield between


@pytest_asyncio.fixture
async def line(proxy: Proxy) -> AsyncIterator[Line]:
    """A connection that works."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await said(reader, writer, b"Hello") == b"Hello"
    yield reader, writer
    writer.close()


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: bytes) -> bytes:
    """Say something, and return as much as comes back."""
    writer.write(what)
    return await reader.readexactly(len(what))


async def test_what_is_slow_comes_in_drops_and_is_whole(proxy: Proxy, line: Line) -> None:
    proxy.slow()
    reader, writer = line
    writer.write(MUCH)
    first = await reader.read(len(MUCH))

    assert 0 < len(first) < len(MUCH)
    assert first + await reader.readexactly(len(MUCH) - len(first)) == MUCH


async def test_what_is_reset_ends_in_the_middle(proxy: Proxy, line: Line) -> None:
    proxy.reset()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await said(*line, MUCH)


async def test_what_is_cut_is_refused_until_it_is_mended(proxy: Proxy, line: Line) -> None:
    proxy.cut()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await said(*line, b"Hello")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError, BrokenPipeError)):
        await said(*await asyncio.open_connection("127.0.0.1", proxy.port), b"Hello")
    proxy.mend()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)

    assert await said(reader, writer, b"Hello") == b"Hello"
    writer.close()


async def test_what_is_silent_says_all_of_it_once_it_is_mended(proxy: Proxy, line: Line) -> None:
    proxy.freeze()
    reader, writer = line
    saying = asyncio.create_task(said(reader, writer, b"Hello"))
    done, _ = await asyncio.wait([saying], timeout=0.05)
    proxy.mend()

    assert done == set()
    assert await saying == b"Hello"
