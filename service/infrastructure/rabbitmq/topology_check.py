"""What stands on the broker and what is missing, asked and made over AMQP."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from aio_pika import Message
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from service.infrastructure.rabbitmq.bounded_publish import confirming_channel, publish_soon
from service.infrastructure.rabbitmq.connection import (
    close_channel,
    connected,
    map_cancellation,
    plain_channel,
)
from service.infrastructure.rabbitmq.topology import (
    CONSUMED,
    EVENT_HISTORY,
    MAX_MESSAGE_BYTES,
    Binding,
    Exchange,
    Queue,
    Topology,
)

# For each question.
_SECONDS: Final = 5.0

_CONFLICT: Final = re.compile(r"inequivalent arg '([^']+)' for .*: received (.+) but current is (.+)")
_FOR_GOOD: Final = {
    Queue: "queue arguments can never be changed; drain it, delete it and run this again",
    Exchange: "exchanges can never be changed; delete it and run this again",
}


class BindingTimeout(TimeoutError):
    """Exchanges and queues are there, but the broker does not say whether they are bound.

    Before version 4 it binds nothing while a node of the cluster is silent, not even what is bound already,
    until the others take that node for dead: after a minute (`net_ticktime` in RabbitMQ's documentation).
    """

    def __init__(self) -> None:
        super().__init__(
            "RabbitMQ does not say whether queues are bound: is a node of the cluster silent? "
            "Try again in a minute."
        )


class State(StrEnum):
    """How something stands."""

    OK = "there"
    MISSING = "missing"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How a queue or exchange of the topology stands.

    Attributes:
        sentence: What is wrong, and what to do; empty if nothing is.
        consumers: How many a queue has that is there; 0 as well while a quorum queue has no leader.

    """

    thing: Exchange | Queue
    state: State
    sentence: str = ""
    consumers: int | None = None


async def inspect(url: URL, topology: Topology) -> list[CheckResult]:
    """Return how each exchange and queue of *topology* stands. Nothing is changed."""
    async with connected(url) as connection, topology_probe(connection) as ask:
        return [await ask.about(each) for each in topology.things]


def without_consumers(findings: Sequence[CheckResult]) -> list[str]:
    """Return the queues that a worker should answer and none does, by name."""
    idle = [each.thing.name for each in findings if each.consumers == 0]
    return sorted(each for each in idle if each in CONSUMED)


def with_consumers(findings: Sequence[CheckResult]) -> list[str]:
    """Return a sentence for each queue that is consumed and should not be."""
    # A history is there to be read: that takes nothing out of it.
    wanted = CONSUMED | {EVENT_HISTORY}
    return [
        f"{each.thing.name} has {each.consumers} consumers and should have none: stop them"
        for each in findings
        if each.consumers and each.thing.name not in wanted
    ]


async def oversize(url: URL) -> list[str]:
    """Return what is wrong if the broker takes messages that are larger than any of ours. None is kept.

    Raises:
        TakesNoMessages: It takes none at all now, so that is not known.

    """
    async with connected(url) as connection:
        channel = await confirming_channel(connection)
        message = Message(bytes(MAX_MESSAGE_BYTES + 1))
        try:
            # No queue has this name, so nothing comes of it.
            await publish_soon(channel, message, "profile.oversize", mandatory=False)
        except ChannelPreconditionFailed:
            return []
    wanted = f"max_message_size = {MAX_MESSAGE_BYTES}"
    return [
        f"the broker takes messages of more than {MAX_MESSAGE_BYTES} bytes: set {wanted} in rabbitmq.conf"
    ]


async def declare(url: URL, topology: Topology) -> None:
    """Declare the exchanges, queues and bindings of *topology*; what is there already is left alone.

    Raises:
        ChannelPreconditionFailed: A queue or exchange of that name exists and is of another type.
        ChannelAccessRefused: The broker user may not configure it.
        BindingTimeout
        TimeoutError: The broker does not answer.

    """
    async with connected(url) as connection, topology_probe(connection) as probe:
        for thing in topology.things:
            await probe.declare(thing)
        try:
            for binding in topology.bindings:
                await probe.bind(binding)
        except TimeoutError:
            raise BindingTimeout from None


async def apply(url: URL, topology: Topology) -> list[CheckResult]:
    """Make what is missing of *topology*, and leave alone what is of another kind; return what was found."""
    findings = await inspect(url, topology)
    await declare(
        url, _without(topology, {each.thing.name for each in findings if each.state in _LEFT_ALONE})
    )
    return findings


_LEFT_ALONE: Final = (State.DIFFERENT, State.UNKNOWN)


@asynccontextmanager
async def topology_probe(connection: AbstractConnection) -> AsyncIterator["TopologyProbe"]:
    """Give somebody who asks over *connection*, on channels that end with the block."""
    asking = TopologyProbe(connection)
    try:
        yield asking
    finally:
        await asking.close()


class TopologyProbe:
    """Asks on a channel of aiormq's own: a refusal closes it, and aio-pika would open it again for ever.

    Every method raises `ChannelNotFoundEntity`, `ChannelPreconditionFailed` or `ChannelAccessRefused` when
    it is refused, and `TimeoutError` or another `AMQPError` when the broker is away.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: AbstractChannel | None = None

    async def about(self, thing: Exchange | Queue, *, in_full: bool = True) -> CheckResult:
        """Return how *thing* stands; not *in_full*, only whether it is there, which takes no right."""
        consumers = None
        try:
            consumers = await self.declare(thing, passive=True)
            if in_full:
                # RabbitMQ compares nothing when it is asked passively. This makes nothing: it is there.
                again = await self.declare(thing)
                # A busy leader of a quorum queue may have said 0, because it could not say it in time.
                consumers = max(filter(None, (consumers, again)), default=consumers)
        except ChannelNotFoundEntity:
            return CheckResult(
                thing, State.MISSING, f"{thing.name} is missing: run `profilectl topology apply`"
            )
        except ChannelPreconditionFailed as error:
            return CheckResult(thing, State.DIFFERENT, conflict(thing, str(error)), consumers)
        except ChannelAccessRefused:
            refused = f"{thing.name} could not be looked at: this user may not declare it"
            return CheckResult(thing, State.UNKNOWN, refused, consumers)
        return CheckResult(thing, State.OK, consumers=consumers)

    async def declare(self, thing: Exchange | Queue, *, passive: bool = False) -> int | None:
        """Make *thing*, if it is not there; *passive*, only ask for it; return how many consume a queue."""
        channel = await self._opened()
        with map_cancellation():
            if isinstance(thing, Queue):
                arguments: Any = dict(thing.arguments)
                declared = await channel.queue_declare(
                    thing.name, durable=True, passive=passive, arguments=arguments, timeout=_SECONDS
                )
                return declared.consumer_count
            await channel.exchange_declare(
                thing.name, exchange_type=thing.type, durable=True, passive=passive, timeout=_SECONDS
            )
            return None

    async def bind(self, binding: Binding) -> None:
        """Make *binding*, if it is not there."""
        channel = await self._opened()
        with map_cancellation():
            await channel.queue_bind(binding.queue, binding.exchange, binding.routing_key, timeout=_SECONDS)

    async def close(self) -> None:
        """Close the channel."""
        if self._channel:
            await close_channel(self._channel)

    async def _opened(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            self._channel = await plain_channel(self._connection)
        return self._channel


def conflict(thing: Exchange | Queue, text: str) -> str:
    """Return in words what RabbitMQ's *text* of a failed precondition says about *thing*."""
    found = _CONFLICT.search(text)
    if not found:
        return f"{thing.name} is not as it has to be ({text}): {_FOR_GOOD[type(thing)]}"
    name, wanted, current = found[1], _value(found[2]), _value(found[3])
    if name == "x-queue-type":
        said = f"exists as a {current or 'classic'} queue and has to be {thing.type}"
    elif name == "type":
        said = f"exists as a {current} exchange and has to be {thing.type}"
    else:
        said = f"exists {_setting(name, current)} and has to be {_setting(name, wanted)}"
    return f"{thing.name} {said}: {_FOR_GOOD[type(thing)]}"


def _setting(name: str, value: str | None) -> str:
    return f"with {name}={value}" if value is not None else f"without {name}"


def _value(text: str) -> str | None:
    """Return the value in `none`, `'classic'` or `the value '1000' of type 'signedint'`."""
    found = re.search(r"'([^']*)'", text)
    return found[1] if found else None


def _without(topology: Topology, names: set[str]) -> Topology:
    return replace(
        topology,
        exchanges=tuple(each for each in topology.exchanges if each.name not in names),
        queues=tuple(each for each in topology.queues if each.name not in names),
        bindings=tuple(each for each in topology.bindings if not {each.exchange, each.queue} & names),
    )
