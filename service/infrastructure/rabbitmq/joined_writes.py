"""Frames that are sent in one turn of the event loop go to the kernel together.

aiormq hands over each message and each acknowledgement by itself, and the event loop sends at once what it is
given. These system calls were a third of what a read cost.

As every connection is opened here, it is also here that another broker of a cluster is tried.
"""

import asyncio
import os
import ssl
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aiormq import connection
from aiormq.connection import DEFAULT_PORTS, SSLContextProvider, TransportFactory
from aiormq.exceptions import AMQPConnectionError
from pamqp.header import ProtocolHeader
from yarl import URL

from service.infrastructure.rabbitmq.broker_order import BrokerOrder
from service.pkg.broker_urls import broker_urls
from service.pkg.first_success import first_success

# Messages that may wait to be written. Beyond aiormq's ten, each would take a turn of its own.
_MOST_WAITING: Final = 200
# Of what was received, as for asyncio's own streams.
_READ_LIMIT: Final = 2**16
# How long a broker may say nothing before another one is tried beside it.
_SILENT_SECONDS: Final = 0.5
# What a client says first. A broker that hangs accepts connections, and does not answer it.
_HEADER: Final = ProtocolHeader().marshal()
# Where a URL for aiormq, which names one host, has those of a cluster.
_BROKERS: Final = "brokers"
_order: Final = BrokerOrder()


def cluster_url(url: str) -> URL:
    """Return *url*, which may name several hosts, in the form in which `JoiningTransports` finds them all."""
    urls = broker_urls(url)
    hosts = [urlsplit(each).netloc.rpartition("@")[2] for each in urls]
    return URL(urls[0]).update_query({_BROKERS: ",".join(hosts)} if hosts[1:] else {})


class _Reader(asyncio.StreamReader):
    """Says that a line is closed by the error that aiormq knows, also if it was closed at once."""

    _buffer: bytearray  # StreamReader's own

    def at_eof(self) -> bool:
        """Return `False`: at the end aiormq would raise a StopAsyncIteration, which nobody expects."""
        return False

    async def peek(self) -> None:
        """Wait until the other end has said something, which is left to be read.

        Raises:
            EOFError, OSError: It has closed the line, or that broke.

        """
        self._buffer[:0] = await self.readexactly(1)


class JoiningWriter(asyncio.StreamWriter):
    """Sends in the next turn of the event loop what was written in this one."""

    def __init__(
        self,
        transport: asyncio.Transport,
        protocol: asyncio.StreamReaderProtocol,
        reader: asyncio.StreamReader,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(transport, protocol, reader, loop)
        self._call_soon = loop.call_soon
        self._chunks: list[bytes] = []
        self._said = b""

    def say_first(self, data: bytes) -> None:
        """Send *data* now, and not once more when somebody begins with it."""
        super().write(data)
        self._said = data

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Let *data* be sent."""
        if not self._chunks:
            self._call_soon(self._send)
        self._chunks.append(bytes(data))

    def write_eof(self) -> None:
        """Send what is left, and say that no more comes."""
        self._send()
        super().write_eof()

    def close(self) -> None:
        """Send what is left, and close."""
        self._send()
        super().close()

    def _send(self) -> None:
        if self._chunks:
            chunks, self._chunks = self._chunks, []
            said, self._said = self._said, b""
            super().write(b"".join(chunks).removeprefix(said))


class JoiningTransports(TransportFactory):
    """Opens connections, with TLS or without, as aiormq's own factories do, for a `JoiningWriter`."""

    _writer: JoiningWriter | None = None

    async def create(
        self,
        url: URL,
        *,
        ssl_context_provider: SSLContextProvider | None = None,
        **options: Any,  # noqa: ANN401 - as aiormq has it
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the broker at *url*, or raise `AMQPConnectionError`.

        Of several, to any that answers, in the order of `BrokerOrder`.
        """
        context = None
        if ssl_context_provider and url.scheme == "amqps":
            context = await ssl_context_provider.get_context()
        if _BROKERS in url.query:
            name, now = url.query.get("name", ""), asyncio.get_running_loop().time()
            brokers = _order.of(broker_urls(f"{url.scheme}://{url.query[_BROKERS]}"), name, now)
            attempts = [partial(_open_answering, each, context, options) for each in brokers]
            broker, reader, writer = await first_success(attempts, _SILENT_SECONDS, _close)
            _order.connected(name, broker, now)
        else:
            reader, writer = await _opened(url, context, options)
        self._writer = writer
        return reader, writer

    async def drain(self) -> None:
        """Wait while the broker takes less than it is sent."""
        if self._writer:
            await self._writer.drain()

    def abort(self) -> None:
        """Drop the line, with all that the broker has not read."""
        if self._writer:
            self._writer.transport.abort()


async def _open_answering(
    broker: str, context: ssl.SSLContext | None, options: dict[str, Any]
) -> tuple[str, _Reader, JoiningWriter]:
    """Connect to *broker*, and wait until it says something: one that hangs lets others wait for ever."""
    reader, writer = await _opened(URL(broker), context, options)
    try:
        writer.say_first(_HEADER)
        await reader.peek()
    except (EOFError, OSError) as error:
        writer.close()
        raise AMQPConnectionError(None, f"{URL(broker).authority} closes connections at once") from error
    except asyncio.CancelledError:  # another one was faster
        writer.close()
        raise
    return broker, reader, writer


async def _opened(
    broker: URL, context: ssl.SSLContext | None, options: dict[str, Any]
) -> tuple[_Reader, JoiningWriter]:
    loop = asyncio.get_running_loop()
    reader = _Reader(_READ_LIMIT, loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    port = broker.port or DEFAULT_PORTS[broker.scheme]
    try:
        transport, _ = await loop.create_connection(
            lambda: protocol, host=str(broker.host), port=port, ssl=context, **options
        )
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise AMQPConnectionError(error.errno, f"{why} {(broker.host, port)}") from error
    return reader, JoiningWriter(transport, protocol, reader, loop)


def _close(late: tuple[str, _Reader, JoiningWriter]) -> None:
    _, _, writer = late
    writer.close()


def install_joined_writes() -> None:
    """Let every connection that this process opens from now on send in this way."""
    # Neither FastStream nor aio-pika hands on which transports to use.
    patched: Any = connection
    patched.TCPTransportFactory = patched.TLSTransportFactory = JoiningTransports
    patched.Connection.FRAME_BUFFER_SIZE = _MOST_WAITING


async def publish_joined(
    channel: AbstractChannel,
    message: Message,
    routing_key: str,
    *,
    exchange: str = "",
    mandatory: bool = False,
) -> None:
    """Publish *message* and, on a channel with confirms, wait until the broker has it.

    aio-pika's own way waits until the frames are written, and aiormq holds the channel's lock meanwhile: so
    only one message a turn would be sent.

    Raises:
        DeliveryError: No queue takes it.
        AMQPError, ChannelInvalidStateError, ConnectionError: The connection has broken.

    """
    underlay: Any = await channel.get_underlay_channel()  # whose own type does not know `wait`
    await underlay.basic_publish(
        message.body,
        exchange=exchange,
        routing_key=routing_key,
        properties=message.properties,
        mandatory=mandatory,
        wait=False,
    )
    if transports := _transports_of(underlay):
        await transports.drain()


async def abort(channel: AbstractChannel) -> None:
    """Drop the connection of *channel*, without a goodbye: a broker that reads nothing answers none."""
    if transports := _transports_of(await channel.get_underlay_channel()):
        transports.abort()


def _transports_of(underlay: Any) -> JoiningTransports | None:  # noqa: ANN401 - of aiormq's own making
    transports = getattr(underlay.connection, "_transport_factory", None)
    return transports if isinstance(transports, JoiningTransports) else None
