"""How many commands a second does the leader of one queue carry, and do four carry more?

`python -m benchmarks.one_queue`. Messages of a command's size are published with confirms, consumed with the
prefetch of some workers, and acknowledged one by one: to one quorum queue, and spread over four, in turn.
No worker and no database has any part in it, and clients that keep no objects for messages leave the cores
to the broker.

What a worker and MongoDB can do with such commands is in docs/capacity.md.
"""

import os
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from pamqp import body, commands, frame, header
from rich.console import Console
from rich.table import Table
from yarl import URL

from benchmarks.comparison.processes import ProcessTree, descendants
from tools.servers import Servers, running_servers
from tools.servers.sandbox import admin_url, virtual_host

_ROUNDS: Final = int(os.environ.get("ROUNDS", "5"))
_SECONDS: Final = float(os.environ.get("SECONDS", "5"))
# How many queues, and how many workers consume each of them or a share of them.
_SLOTS: Final = ((1, 4), (1, 16), (1, 64), (4, 64))
# A `profile.update` with its access token.
_BYTES: Final = 700
# Of each worker: `PREFETCH_COMMANDS`.
_PREFETCH: Final = 16
# Published, and not confirmed or not consumed yet: a queue that grows is another measurement.
_IN_FLIGHT: Final = 4_000
_BATCH: Final = 50
_WAIT_SECONDS: Final = 5.0
_LARGEST_READ: Final = 1 << 18
# Of a frame: what is around its payload.
_AROUND: Final = 8
_ACK, _DELIVER = (60, 80), (60, 60)


class BrokerSilent(RuntimeError):
    """The broker said nothing for seconds, or something else than was expected."""


@dataclass(slots=True)
class Line:
    """A connection with one channel, by hand: frames are counted, and not kept."""

    socket: socket.socket
    rest: bytes = b""

    @classmethod
    def open(cls, url: str) -> "Line":
        """Connect to *url*, as it says who."""
        parts = urlsplit(url)
        line = cls(socket.create_connection((parts.hostname or "", parts.port or 5672), _WAIT_SECONDS))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.socket.sendall(header.ProtocolHeader().marshal())
        line.expect("Connection.Start")
        response = f"\0{parts.username}\0{parts.password}"
        line.say(commands.Connection.StartOk({}, "PLAIN", response, "en_US"), 0)
        line.expect("Connection.Tune")
        line.say(commands.Connection.TuneOk(2_047, 131_072, 0), 0)
        line.say(commands.Connection.Open(URL(url).path[1:] or "/"), 0)
        line.expect("Connection.OpenOk")
        line.say(commands.Channel.Open())
        line.expect("Channel.OpenOk")
        return line

    def say(self, method: Any, channel: int = 1) -> None:  # noqa: ANN401 - pamqp's types have no name in common
        """Send *method*."""
        self.socket.sendall(frame.marshal(method, channel))

    def expect(self, name: str) -> None:
        """Wait for the method *name*, the next one that comes."""
        while not self.rest or not (found := self._unmarshalled()):
            more = self.socket.recv(_LARGEST_READ)
            if not more:
                raise BrokerSilent(f"closed instead of {name}")
            self.rest += more
        if found != name:
            raise BrokerSilent(f"{found} instead of {name}")

    def ask(self, method: Any, answer: str) -> None:  # noqa: ANN401 - see above
        """Send *method*, and wait for its *answer*."""
        self.say(method)
        self.expect(answer)

    def _unmarshalled(self) -> str:
        if len(self.rest) < _AROUND or len(self.rest) < _AROUND + struct.unpack_from(">I", self.rest, 3)[0]:
            return ""
        used, _, method = frame.unmarshal(self.rest)
        self.rest = self.rest[used:]
        return str(method.name)

    def methods(self) -> Iterator[tuple[tuple[int, int], bytes, int]]:
        """Read what is there; of each method give its name, all bytes, and where its arguments begin."""
        data = self.rest + self.socket.recv(_LARGEST_READ)
        at, end = 0, len(data)
        while end - at >= _AROUND:
            kind, _, size = struct.unpack_from(">BHI", data, at)
            if end - at < size + _AROUND:
                break
            if kind == 1:
                yield struct.unpack_from(">HH", data, at + 7), data, at + 11
            at += size + _AROUND
        self.rest = data[at:]


@dataclass(slots=True)
class Traffic:
    """Messages on their way from one line to another, and how many have come how far."""

    publishing: Line
    consuming: Line
    batches: Sequence[bytes]
    published: int = 0
    consumed: int = 0
    confirmed_up_to: int = 0
    confirmed_beyond: set[int] = field(default_factory=set)

    def run(self, seconds: float) -> int:
        """Keep messages in flight for so many *seconds*; return how many were consumed."""
        begun, end = self.consumed, time.perf_counter() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.publishing.socket, selectors.EVENT_READ, self._confirm)
            selector.register(self.consuming.socket, selectors.EVENT_READ, self._consume)
            while time.perf_counter() < end:
                while self._in_flight() <= _IN_FLIGHT - _BATCH:
                    self.publishing.socket.sendall(self.batches[self.published // _BATCH % len(self.batches)])
                    self.published += _BATCH
                ready = selector.select(_WAIT_SECONDS)
                if not ready:
                    raise BrokerSilent("nothing comes any more")
                for key, _ in ready:
                    key.data()
        return self.consumed - begun

    def _in_flight(self) -> int:
        confirmed = self.confirmed_up_to + len(self.confirmed_beyond)
        return self.published - min(confirmed, self.consumed)

    def _confirm(self) -> None:
        for method, data, at in self.publishing.methods():
            if method != _ACK:
                raise BrokerSilent(f"{method} instead of a confirm")
            tag, multiple = struct.unpack_from(">QB", data, at)
            if multiple:
                self.confirmed_up_to = max(self.confirmed_up_to, tag)
                self.confirmed_beyond = {each for each in self.confirmed_beyond if each > tag}
            elif tag > self.confirmed_up_to:
                self.confirmed_beyond.add(tag)
        while self.confirmed_up_to + 1 in self.confirmed_beyond:
            self.confirmed_up_to += 1
            self.confirmed_beyond.remove(self.confirmed_up_to)

    def _consume(self) -> None:
        acks = []
        for method, data, at in self.consuming.methods():
            if method != _DELIVER:
                raise BrokerSilent(f"{method} instead of a message")
            tag = struct.unpack_from(">Q", data, at + 1 + data[at])[0]
            acks.append(struct.pack(">BHIHHQBB", 1, 1, 13, *_ACK, tag, 0, 0xCE))
        self.consuming.socket.sendall(b"".join(acks))
        self.consumed += len(acks)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one slot came to.

    Attributes:
        broker: Its CPU time for each message, in microseconds.
        busy: How many cores the broker has used, and how many we have.

    """

    rate: float
    broker: float
    busy: tuple[float, float]


@contextmanager
def traffic(url: str, queues: int, workers: int) -> Iterator[Traffic]:
    """Give traffic over so many quorum queues; each has a consumer, which takes what *workers* would."""
    publishing, consuming = Line.open(url), Line.open(url)
    with publishing.socket, consuming.socket:
        names = [f"partition.{number}" for number in range(queues)]
        arguments: Any = {"x-queue-type": "quorum"}
        publishing.ask(commands.Confirm.Select(), "Confirm.SelectOk")
        consuming.ask(commands.Basic.Qos(prefetch_count=_PREFETCH * workers // queues), "Basic.QosOk")
        for name in names:
            declare = commands.Queue.Declare(queue=name, durable=True, arguments=arguments)
            consuming.ask(declare, "Queue.DeclareOk")
            consuming.ask(commands.Basic.Consume(queue=name), "Basic.ConsumeOk")
        yield Traffic(publishing, consuming, [_batch(name) for name in names])


def _batch(queue: str) -> bytes:
    properties = commands.Basic.Properties(
        content_type="application/json", delivery_mode=2, message_id="0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"
    )
    frames = (
        commands.Basic.Publish(routing_key=queue),
        header.ContentHeader(body_size=_BYTES, properties=properties),
        body.ContentBody(b"x" * _BYTES),
    )
    return b"".join(frame.marshal(each, 1) for each in frames) * _BATCH


def measure(servers: Servers, slot: tuple[int, int], broker: ProcessTree) -> Figures:
    """Measure one slot, after a moment to warm up."""
    with virtual_host(servers, {}) as vhost, traffic(admin_url(servers, vhost), *slot) as flowing:
        flowing.run(_SECONDS / 5)
        before, begun = (broker.cpu_seconds(), time.process_time()), time.perf_counter()
        messages = flowing.run(_SECONDS)
        took = time.perf_counter() - begun
        spent = broker.cpu_seconds() - before[0], time.process_time() - before[1]
    return Figures(messages / took, spent[0] * 1e6 / messages, (spent[0] / took, spent[1] / took))


def main() -> None:
    """Measure in turn, and print the medians."""
    with running_servers() as servers:
        broker = descendants("beam.smp")
        if broker is None:
            raise SystemExit("RabbitMQ is no process of ours: its CPU time is not seen.")
        found: dict[tuple[int, int], list[Figures]] = {slot: [] for slot in _SLOTS}
        for _ in range(_ROUNDS):
            for slot, figures in found.items():
                figures.append(measure(servers, slot, broker))
    table = Table(
        "queues", "workers", "messages/s", "lowest", "highest", "RabbitMQ µs each", "its cores", "our cores"
    )
    for slot, figures in found.items():
        rates = [each.rate for each in figures]
        values = (median(rates), min(rates), max(rates), median(each.broker for each in figures))
        cores = [median(each.busy[which] for each in figures) for which in (0, 1)]
        table.add_row(
            *map(str, slot), *(f"{each:,.0f}" for each in values), *(f"{each:.2f}" for each in cores)
        )
    Console().print(table)


if __name__ == "__main__":
    main()
