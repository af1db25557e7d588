"""What stands on the broker and what is missing, asked over AMQP: one channel for each question."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from service.infrastructure.rabbitmq.connection import connected
from service.infrastructure.rabbitmq.declare import declare
from service.infrastructure.rabbitmq.topology import Exchange, Queue, Topology

_CONFLICT: Final = re.compile(r"inequivalent arg '([^']+)' for .*: received (.+) but current is (.+)")
_FOR_GOOD: Final = {
    Queue: "queue arguments can never be changed; drain it, delete it and run this again",
    Exchange: "exchanges can never be changed; delete it and run this again",
}


class State(StrEnum):
    """How something stands."""

    THERE = "there"
    MISSING = "missing"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """How a queue or exchange of the topology stands.

    Attributes:
        sentence: What is wrong, and what to do; empty if nothing is.

    """

    thing: Exchange | Queue
    state: State
    sentence: str = ""


async def look(url: URL, topology: Topology) -> list[Finding]:
    """Return how each exchange and queue of *topology* stands. Nothing is changed."""
    things: tuple[Exchange | Queue, ...] = (*topology.exchanges, *topology.queues)
    async with connected(url) as connection:
        return [await _found(connection, each) for each in things]


async def apply(url: URL, topology: Topology) -> list[Finding]:
    """Make what is missing of *topology*, and leave alone what is of another kind; return what was found."""
    findings = await look(url, topology)
    await declare(
        url, _without(topology, {each.thing.name for each in findings if each.state in _LEFT_ALONE})
    )
    return findings


_LEFT_ALONE: Final = (State.DIFFERENT, State.UNKNOWN)


async def _found(connection: AbstractConnection, thing: Exchange | Queue) -> Finding:
    try:
        await _ask(connection, thing, passive=True)
        # RabbitMQ compares nothing when it is asked passively. This makes nothing: it is there.
        await _ask(connection, thing, passive=False)
    except ChannelNotFoundEntity:
        return Finding(thing, State.MISSING, f"{thing.name} is missing: run `profilectl topology apply`")
    except ChannelPreconditionFailed as error:
        return Finding(thing, State.DIFFERENT, conflict(thing, str(error)))
    except ChannelAccessRefused:
        return Finding(
            thing, State.UNKNOWN, f"{thing.name} could not be looked at: this user may not declare it"
        )
    return Finding(thing, State.THERE)


async def _ask(connection: AbstractConnection, thing: Exchange | Queue, *, passive: bool) -> None:
    async with connection.channel() as channel:
        if isinstance(thing, Queue):
            arguments: Any = dict(thing.arguments)
            await channel.declare_queue(thing.name, durable=True, passive=passive, arguments=arguments)
        else:
            kind = ExchangeType(thing.type)
            await channel.declare_exchange(thing.name, kind, durable=True, passive=passive)


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
