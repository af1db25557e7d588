"""Requests over AMQP 0-9-1 on one connection, with next to nothing between us and the socket.

Every request is encoded beforehand, with a placeholder where its number goes. Of a reply, the number is
looked for in the frame of its properties. A client library would take as
much CPU as the services that are measured.
"""

import asyncio
import secrets
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import SplitResult, unquote, urlsplit

from pamqp import commands, frame, header
from pamqp.base import Frame
from pamqp.body import ContentBody

from benchmarks.load.runs import Tally

# In bodies, headers and properties it becomes the id of the request.
ID: Final = "#" * 23
_PLACEHOLDER: Final = ID.encode()
_DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"
_FRAME: Final = struct.Struct(">BxxI")
_OVERHEAD: Final = 8  # the bytes of a frame beside its payload, the last of which comes after it
_HEADER, _BODY = 2, 3
_DELIVER: Final = struct.pack(">HH", 60, 60)
_PATIENCE: Final = 60.0


class AmqpLoad(asyncio.Protocol):
    """One connection that keeps a number of requests in flight."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._expected = plan["expect"].encode()
        # No other process has the same: an id is the key of a command, too.
        self._prefix = f"bench-{secrets.token_hex(3)}-".encode()
        self._requests: list[bytes] = []
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._rest = b""
        self._number = 0
        self._sent: dict[int, float] = {}
        self._next = 0
        self._until = 0.0
        self._tally = Tally()
        self._done = asyncio.Event()

    @classmethod
    async def connected(cls, plan: Mapping[str, Any]) -> "AmqpLoad":
        """Connect as *plan* says, listen for replies, and encode the requests."""
        parts = urlsplit(plan["url"])
        loop = asyncio.get_running_loop()
        _, load = await loop.create_connection(lambda: cls(plan), parts.hostname, parts.port)
        async with asyncio.timeout(_PATIENCE):
            await load.open(parts)
        return load

    async def run(self, seconds: float, in_flight: int) -> Tally:
        """Keep so many requests in flight for so long, wait for the last replies, and return what came."""
        self._tally, self._done = Tally(), asyncio.Event()
        self._until = time.perf_counter() + seconds
        for _ in range(in_flight):
            self._send()
        async with asyncio.timeout(seconds + _PATIENCE):
            await self._done.wait()
        return self._tally

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin to speak."""
        # uvloop's is no asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"AMQP\0\0\x09\x01")

    def connection_lost(self, exc: Exception | None) -> None:
        """End: a measurement on a broken connection means nothing."""
        self._answers.put_nowait(exc)

    def data_received(self, data: bytes) -> None:
        """Take apart what has come; a frame may come in pieces."""
        data = self._rest + data if self._rest else data
        start, end = 0, len(data)
        while end - start >= _OVERHEAD:
            kind, size = _FRAME.unpack_from(data, start)
            stop = start + _OVERHEAD + size
            if stop > end:
                break
            if kind == _HEADER:
                at = data.index(self._prefix, start, stop) + len(self._prefix)
                self._number = int(data[at : at + 10])
            elif kind == _BODY:
                self._on_reply(data[start + 7 : stop - 1])
            elif data[start + 7 : start + 11] != _DELIVER:
                self._answers.put_nowait(frame.unmarshal(data[start:stop])[2])
            start = stop
        self._rest = data[start:]

    def _on_reply(self, body: bytes) -> None:
        self._tally.note(self._sent.pop(self._number), good=self._expected in body, reply=body)
        if time.perf_counter() < self._until:
            self._send()
        elif not self._sent:
            self._done.set()

    def _send(self) -> None:
        number = self._next
        self._next += 1
        request = self._requests[number % len(self._requests)]
        self._sent[number] = time.perf_counter()
        self._transport.write(request.replace(_PLACEHOLDER, b"%b%010d" % (self._prefix, number)))

    async def open(self, parts: SplitResult) -> None:
        """Log in, listen for replies, and encode the requests."""
        await self._answer()
        login = "\0".join(("", unquote(parts.username or ""), unquote(parts.password or "")))
        self._tell(commands.Connection.StartOk({}, "PLAIN", login, "en_US"), 0)
        tune = await self._answer()
        self._tell(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0), 0)
        self._tell(commands.Connection.Open(unquote(parts.path[1:]) or "/"), 0)
        await self._answer()
        await self._ask(commands.Channel.Open())
        queue = await self._reply_queue() if self._plan["reply_queue"] else _DIRECT_REPLY_TO
        await self._ask(commands.Basic.Consume(queue=queue, no_ack=True))
        self.encode(self._plan["requests"], queue)

    def encode(self, requests: Sequence[Mapping[str, Any]], reply_to: str) -> None:
        """Encode what is sent, in turns."""
        self._requests = [self._encoded(each, reply_to) for each in requests]

    async def _reply_queue(self) -> str:
        """Return an exclusive queue, bound to the exchange of replies if that is not the default one."""
        queue: str = (await self._ask(commands.Queue.Declare(exclusive=True, auto_delete=True))).queue
        if exchange := self._plan.get("reply_exchange"):
            await self._ask(commands.Queue.Bind(queue=queue, exchange=exchange, routing_key=queue))
        return queue

    async def _ask(self, command: Frame) -> Any:  # noqa: ANN401 - each has another answer
        self._tell(command, 1)
        return await self._answer()

    def _tell(self, command: Frame, channel: int) -> None:
        self._transport.write(frame.marshal(command, channel))

    async def _answer(self) -> Any:  # noqa: ANN401 - see above
        answer = await self._answers.get()
        if answer is None or isinstance(
            answer, Exception | commands.Connection.Close | commands.Channel.Close
        ):
            msg = f"The broker refused: {answer}"
            raise ConnectionError(msg)
        return answer

    def _encoded(self, request: Mapping[str, Any], reply_to: str) -> bytes:
        body = request["body"].encode()
        properties = commands.Basic.Properties(
            **{
                "content_type": "application/json",
                "correlation_id": ID,
                "reply_to": reply_to,
                **self._plan.get("properties", {}),
                "headers": request.get("headers", {}),
            }
        )
        publish = commands.Basic.Publish(
            exchange=self._plan["exchange"], routing_key=self._plan["routing_key"]
        )
        frames: Sequence[Any] = (publish, header.ContentHeader(0, len(body), properties), ContentBody(body))
        return b"".join(frame.marshal(each, 1) for each in frames)
