"""A TCP proxy in front of a server: to take the server away, or its quickness, and to give both back."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

# A slow line: so many bytes at once, and so long between them (10 kB in a second).
_DROP, _DROP_SECONDS = 100, 0.01
# A `basic.ack` up to its method: type, channel, length, class. A `basic.nack` is as long.
_ACK: Final = re.compile(rb"(\x01..\x00\x00\x00\x0d\x00\x3c\x00)\x50", re.DOTALL)
_NACK: Final = b"\x78"
# Closing then says RST in place of FIN, and forgets what was not sent yet (socket(7), SO_LINGER).
NO_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Proxy:
    """Hands bytes on, as long as it is open.

    Attributes:
        port: Where it listens, on 127.0.0.1.

    """

    host: str
    target_port: int
    port: int = 0
    open: bool = True
    dribbling: bool = False
    tearing: bool = False
    refusing: bool = False
    links: set[asyncio.StreamWriter] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self.open = False
        for writer in self.links:
            writer.transport.abort()

    def freeze(self) -> None:
        """Take every byte and hand none on: the server is there and says nothing."""
        self.flowing.clear()

    def slow(self) -> None:
        """Hand on a few bytes at a time."""
        self.dribbling = True

    def reset(self) -> None:
        """Hand on half of what comes next on each connection, and then reset it."""
        self.tearing = True

    def refuse(self) -> None:
        """On connections that are opened from now on, say of each message that RabbitMQ has refused it."""
        self.refusing = True

    def mend(self) -> None:
        """Let connections and bytes through again."""
        self.open = True
        self.dribbling = self.tearing = self.refusing = False
        self.flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand on what one client says, and what it is told."""
        if not self.open:
            writer.transport.abort()
            return
        with suppress(OSError):
            there, back = await asyncio.open_connection(self.host, self.target_port)
            self.links |= {writer, back}
            try:
                told = _refused if self.refusing else bytes
                await asyncio.gather(self._hand_on(reader, back), self._hand_on(there, writer, told))
            finally:
                self.links -= {writer, back}
                back.close()
                writer.close()

    async def _hand_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        told: Callable[[bytes], bytes] = bytes,
    ) -> None:
        with suppress(OSError):
            while data := told(await reader.read(65_536)):
                await self.flowing.wait()
                if self.tearing:
                    await _tear(data, writer)
                    break
                while self.dribbling and data:
                    await _write(data[:_DROP], writer)
                    data = data[_DROP:]
                    await asyncio.sleep(_DROP_SECONDS)
                await _write(data, writer)
        writer.close()


def _refused(data: bytes) -> bytes:
    """Return *data* with each `basic.ack` in it as a `basic.nack`, which is as long."""
    return _ACK.sub(rb"\g<1>" + _NACK, data)


def behind(proxy: Proxy, url: str) -> str:
    """Return *url* with *proxy* in place of its server."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()


async def _write(data: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()


async def _tear(data: bytes, writer: asyncio.StreamWriter) -> None:
    """Write half of *data*, and reset the connection."""
    await _write(data[: len(data) // 2], writer)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """Put a proxy in front of *host* and *port*."""
    proxy = Proxy(host, port)
    proxy.mend()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1")
    async with server:
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            proxy.cut()
