"""A broker in memory, which the client has in place of a socket: so a line ends at one precise moment."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pamqp import frame as frames
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel, Confirm, Connection, Queue
from pamqp.header import ContentHeader

_CAPABILITIES: Final[Any] = {"capabilities": {"publisher_confirms": True, "basic.nack": True}}
_FRAME_MAX: Final = 131_072
# What RabbitMQ answers if all is well, by the name of a frame. It confirms nothing.
_USUAL: Final[Mapping[str, Callable[[Any], Frame]]] = {
    "ProtocolHeader": lambda _: Connection.Start(0, 9, _CAPABILITIES, "PLAIN", "en_US"),
    "Connection.StartOk": lambda _: Connection.Tune(2047, _FRAME_MAX, 0),
    "Connection.Open": lambda _: Connection.OpenOk(),
    "Connection.Close": lambda _: Connection.CloseOk(),
    "Channel.Open": lambda _: Channel.OpenOk(),
    "Channel.Close": lambda _: Channel.CloseOk(),
    "Confirm.Select": lambda _: Confirm.SelectOk(),
    "Basic.Qos": lambda _: Basic.QosOk(),
    "Basic.Consume": lambda said: Basic.ConsumeOk(said.consumer_tag),
    "Basic.Cancel": lambda said: Basic.CancelOk(said.consumer_tag),
    "Queue.Declare": lambda said: Queue.DeclareOk(said.queue, 0, 0),
    "Queue.Bind": lambda _: Queue.BindOk(),
    "Queue.Delete": lambda _: Queue.DeleteOk(0),
}


class Line:
    """One connection, as a client writes to it.

    Attributes:
        reader: What the client reads from.

    """

    def __init__(self, answer: "Answer") -> None:
        self.reader = asyncio.StreamReader()
        self.transport = self
        self._answer = answer
        self._is_closed = False

    def write(self, data: bytes) -> None:
        """Answer what the client says, frame by frame."""
        while data and not self._is_closed:
            size, channel, said = frames.unmarshal(data)
            data = data[size:]
            self._answer(self, channel, said)

    async def drain(self) -> None:
        """Return at once: there is always room."""

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._is_closed

    async def wait_closed(self) -> None:
        """Return at once."""

    def say(self, channel: int, *said: frames.FrameTypes) -> None:
        """Let the client read this."""
        self.reader.feed_data(b"".join(frames.marshal(each, channel) for each in said))

    def deliver(self, channel: int, consumer: str, key: str, *bodies: bytes) -> None:
        """Let the client read messages with this routing *key*, all at once."""
        for number, body in enumerate(bodies, 1):
            delivery = Basic.Deliver(consumer, number, exchange="profile.events", routing_key=key)
            self.say(channel, delivery, ContentHeader(0, len(body)), ContentBody(body))

    def close(self) -> None:
        """End it, right behind what was said last."""
        if not self._is_closed:
            self._is_closed = True
            self.reader.feed_eof()

    def abort(self) -> None:
        """End it, as a transport does."""
        self.close()


# Answers what came on a channel of a line.
Answer = Callable[[Line, int, Any], None]


def as_usual(line: Line, channel: int, said: Any) -> None:
    if said.name in _USUAL:
        line.say(channel, _USUAL[said.name](said))
    if said.name == "Connection.Close":
        line.close()


def is_missing(line: Line, channel: int, _: Any) -> None:
    """Say that there is no such thing, as RabbitMQ does: it closes the channel."""
    line.say(channel, Channel.Close(404, "NOT_FOUND", 0, 0))


def hang_up(line: Line, _channel: int, _said: Any) -> None:
    line.close()


@dataclass(slots=True)
class BrokerInMemory:
    """Answers as RabbitMQ does, but for some frames.

    Attributes:
        otherwise: What it does about the next ones of a name instead, one after the other.

    """

    otherwise: dict[str, deque[Answer]] = field(default_factory=dict)

    async def connect(self, *_: object, **__: object) -> tuple[asyncio.StreamReader, Line]:
        """Return what a client reads from, and what it writes to."""
        line = Line(self._answer)
        return line.reader, line

    def _answer(self, line: Line, channel: int, said: Any) -> None:
        left = self.otherwise.get(said.name)
        (left.popleft() if left else as_usual)(line, channel, said)
