"""A TCP proxy in front of a server, to take the server away and give it back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


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

    def mend(self) -> None:
        """Let connections and bytes through again."""
        self.open = True
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
                await asyncio.gather(self._hand_on(reader, back), self._hand_on(there, writer))
            finally:
                self.links -= {writer, back}
                back.close()
                writer.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


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
