"""Frames that are sent in one turn of the event loop go to the kernel together.

aiormq hands over each message and each acknowledgement by itself, and the event loop sends at once what it is
given. These system calls were a third of what a read cost.
"""

import asyncio
import os
from typing import Any, Final

from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aiormq import connection
from aiormq.connection import SSLContextProvider, TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

# Messages that may wait to be written. Beyond aiormq's ten, each would take a turn of its own.
_MOST_WAITING: Final = 200
# Of what was received, as for asyncio's own streams.
_READ_LIMIT: Final = 2**16


class _Reader(asyncio.StreamReader):
    """Says that a line is closed by the error that aiormq knows, also if it was closed at once."""

    def at_eof(self) -> bool:
        """Return `False`: at the end aiormq would raise a StopAsyncIteration, which nobody expects."""
        return False


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
            super().write(b"".join(chunks))


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
        """Connect to the broker at *url*, or raise `AMQPConnectionError`."""
        context = None
        if ssl_context_provider and url.scheme == "amqps":
            context = await ssl_context_provider.get_context()
        loop = asyncio.get_running_loop()
        reader = _Reader(_READ_LIMIT, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, host=str(url.host), port=url.port or 0, ssl=context, **options
            )
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise AMQPConnectionError(error.errno, f"{why} {(url.host, url.port)}") from error
        self._writer = JoiningWriter(transport, protocol, reader, loop)
        return reader, self._writer

    async def drain(self) -> None:
        """Wait while the broker takes less than it is sent."""
        if self._writer:
            await self._writer.drain()


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
    transports = getattr(underlay.connection, "_transport_factory", None)
    if isinstance(transports, JoiningTransports):
        await transports.drain()
