"""Requests over HTTP/1.1, one at a time on each of as many kept connections as are in flight."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, Final, cast
from urllib.parse import urlsplit

from benchmarks.load.runs import Tally

_PATIENCE: Final = 60.0
_LENGTH: Final = b"content-length: "


class _Connection(asyncio.Protocol):
    """Sends a request whenever it is idle, until time is over."""

    def __init__(self, requests: Iterator[bytes], expected: bytes) -> None:
        self._requests = requests
        self._expected = expected
        self._buffer = b""
        self._sent = 0.0
        self._until = 0.0
        self._tally = Tally()
        self._done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's is no asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)

    async def run(self, until: float, tally: Tally) -> None:
        """Send requests *until* then, and wait for the reply to the last."""
        self._until, self._tally, self._done = until, tally, asyncio.Event()
        self._send()
        await self._done.wait()

    def data_received(self, data: bytes) -> None:
        """Note a reply once all of it has come."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._buffer = b""
        good = head.startswith(b"HTTP/1.1 200") and self._expected in body
        self._tally.note(self._sent, good=good, reply=body)
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._done.set()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


class HttpLoad:
    """As many connections as have been needed."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._address = urlsplit(plan["url"])
        self._expected = plan["expect"].encode()
        self._requests = cycle([self._encoded(each["path"]) for each in plan["requests"]])
        self._connections: list[_Connection] = []

    async def run(self, seconds: float, in_flight: int) -> Tally:
        """Keep so many requests in flight for so long, wait for the last replies, and return what came."""
        while len(self._connections) < in_flight:
            self._connections.append(await self._connected())
        tally = Tally()
        until = time.perf_counter() + seconds
        async with asyncio.timeout(seconds + _PATIENCE), asyncio.TaskGroup() as group:
            for each in self._connections[:in_flight]:
                group.create_task(each.run(until, tally))
        return tally

    async def _connected(self) -> _Connection:
        loop = asyncio.get_running_loop()
        address = self._address.hostname, self._address.port
        _, made = await loop.create_connection(lambda: _Connection(self._requests, self._expected), *address)
        return made

    def _encoded(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nAccept: */*\r\n\r\n".encode()


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.index(_LENGTH) + len(_LENGTH)
    return int(lowered[at:].partition(b"\r\n")[0])
