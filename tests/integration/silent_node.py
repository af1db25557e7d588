"""A node that hangs: it lets clients connect, and says nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

# How long tests wait for who has to come, or to go: less than any connect timeout of theirs.
_SECONDS: Final = 10.0


@dataclass(slots=True)
class SilentNode:
    """Accepts connections, and says nothing, until the other end closes them.

    Attributes:
        begun: How many connections there were.
        open: How many there are now.
        said: What came on all of them.

    """

    port: int = 0
    begun: int = 0
    open: int = 0
    said: bytes = b""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, scheme: str = "amqp") -> str:
        """Return its address."""
        return f"{scheme}://gateway:gateway@127.0.0.1:{self.port}/"

    async def is_tried(self) -> None:
        """Wait until somebody connects."""
        await self._wait(lambda: self.begun > 0)

    async def is_left(self) -> None:
        """Wait until those who have connected are gone."""
        await self._wait(lambda: self.begun > 0 and self.open == 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a connection until its other end closes it."""
        self.begun += 1
        self.open += 1
        self._changed.set()
        try:
            while said := await reader.read(1024):
                self.said += said
        except ConnectionError:
            pass  # that is an end, too
        self.open -= 1
        self._changed.set()
        writer.close()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def silent_node() -> AsyncIterator[SilentNode]:
    """Run one for the block."""
    node = SilentNode()
    async with await asyncio.start_server(node.serve, "127.0.0.1") as server:
        node.port = server.sockets[0].getsockname()[1]
        yield node
