"""A line to a server that fails in one of the ways of `docs/hanging.md`."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.integration.proxy import NO_LINGER

SLOW_BYTES: Final = 100
SLOW_SECONDS: Final = 0.01


@dataclass(slots=True)
class Line:
    """Hands bytes on between whoever connects to *port* and the server, as the fault of the moment lets it.

    Attributes:
        fault: That of new connections; empty for none.

    """

    host: str
    target_port: int
    port: int = 0
    fault: str = ""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    is_flowing: asyncio.Event = field(default_factory=asyncio.Event)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def fail(self, fault: str) -> None:
        """Let the line fail, those who are connected already included."""
        self.fault = "" if fault == "half-open" else fault
        if fault in {"refuses", "resets"}:
            self._drop()
        elif fault in {"silent", "mute", "half-open"}:
            self.is_flowing.clear()
            self.is_flowing = asyncio.Event()  # for those who connect from now on
            self.is_flowing.set()

    def mend(self) -> None:
        """Let new connections be good again; those that have lost their other end stay so."""
        self.fault = ""

    def _drop(self) -> None:
        for each in self.writers:
            _reset(each)

    async def end(self) -> None:
        """Leave nothing behind: what does not flow any more would be waited for until the loop is closed."""
        self._drop()
        for each in self.serving:
            each.cancel()
        if self.serving:
            await asyncio.wait(self.serving)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client beside the others."""
        task = asyncio.create_task(self.serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what one client says, and what it is told."""
        if self.fault in {"refuses", "resets"}:
            _reset(writer)
            return
        self.writers.add(writer)
        try:
            if self.fault in {"silent", "mute"}:
                while await reader.read(65_536):
                    pass
                return
            await self._carry(reader, writer)
        except OSError:
            return
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self.is_flowing
        there, back = await asyncio.open_connection(self.host, self.target_port)
        try:
            await asyncio.gather(self._pump(reader, back, flowing), self._pump(there, writer, flowing))
        finally:
            back.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                while self.fault == "slow" and data:
                    writer.write(data[:SLOW_BYTES])
                    data = data[SLOW_BYTES:]
                    await asyncio.sleep(SLOW_SECONDS)
                await flowing.wait()
                writer.write(data)
                await writer.drain()
        if flowing.is_set():
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, unless it has just ended."""
    with suppress(OSError):  # its socket is closed
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()


@asynccontextmanager
async def line_to(host: str, port: int, fault: str = "") -> AsyncIterator[Line]:
    """Give a line to a server. One that `refuses` or is `silent` from the beginning accepts nothing."""
    line = Line(host, port, fault=fault)
    line.is_flowing.set()
    if fault in {"refuses", "silent"}:
        async with _nobody_accepts(line, is_silent=fault == "silent"):
            yield line
        return
    server = await asyncio.start_server(line.accept, "127.0.0.1")
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.end()


@asynccontextmanager
async def _nobody_accepts(line: Line, *, is_silent: bool) -> AsyncIterator[None]:
    """Let a socket have the port that does not listen, or whose backlog is full, so that SYNs are dropped."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line.port = taken.getsockname()[1]
        fillers = [socket.socket() for _ in range(4 if is_silent else 0)]
        if is_silent:
            taken.listen(0)
        for each in fillers:
            each.setblocking(False)  # noqa: FBT003 - the name of the library
            each.connect_ex(taken.getsockname())
        try:
            yield
        finally:
            for each in fillers:
                each.close()
