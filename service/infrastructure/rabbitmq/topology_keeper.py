"""Whether what the service needs still stands on the broker: looked at again and again, and mended."""

from collections.abc import Mapping
from typing import Final

import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import (
    AMQPError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from service.infrastructure.rabbitmq.management import Management, ManagementRefused
from service.infrastructure.rabbitmq.topology import Binding, Exchange, Queue, Topology
from service.infrastructure.rabbitmq.topology_check import (
    BindingTimeout,
    CheckResult,
    State,
    TopologyProbe,
    declare,
    topology_probe,
)
from service.infrastructure.rabbitmq.topology_diff import broker_state, missing_policies

# What the broker says no with; it closes the channel, and nothing else.
REFUSALS: Final = (ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed)

_log = structlog.get_logger("profile.topology")


class TopologyKeeper:
    """Makes what is missing again, one thing after the other: none that cannot be made harms another.

    Args:
        may_make: Whether anything is to be made; else it is only said what is missing.

    Attributes:
        connection: What the broker is asked over, once there is one.
        missing: What is not there, or not bound, and could not be made: a sentence by name.
        differing: What is there and is not as it has to be: likewise.

    """

    def __init__(self, topology: Topology, *, may_make: bool) -> None:
        self._topology = topology
        self._may_make = may_make
        self.connection: AbstractConnection | None = None
        self.missing: Mapping[str, str] = {}
        self.differing: Mapping[str, str] = {}

    async def stand_up(self, url: URL, management_url: str | None) -> None:
        """Make everything at first, if anything is to be made; policies only by the management API.

        Raises:
            ChannelPreconditionFailed: A queue or exchange of that name exists and is of another type.
            ChannelAccessRefused: The broker user may not configure it.

        """
        if self._may_make:
            try:
                await declare(url, self._topology)
            except BindingTimeout:  # what was bound is so still, and `look` comes back to it
                _log.warning("not bound", why="a node of the cluster is silent")
            if management_url:
                await self._make_policies(Management.of(management_url, url))

    async def look(self) -> None:
        """Look at everything, and make what is missing, unless the broker is away."""
        if self.connection is None:
            return
        try:
            await self._look(self.connection)
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            _log.info("not looked at", error_type=type(error).__name__)

    async def _look(self, connection: AbstractConnection) -> None:
        async with topology_probe(connection) as ask:
            found = [await self._found(ask, each) for each in self._topology.things]
            missing = {each.thing.name: each.sentence for each in found if each.state is State.MISSING}
            if self._may_make:
                for binding in self._topology.bindings:
                    if not {binding.exchange, binding.queue} & missing.keys():
                        missing |= await _bound(ask, binding)
        differing = {each.thing.name: each.sentence for each in found if each.state is State.DIFFERENT}
        _log_changes(self.missing, missing)
        _log_changes(self.differing, differing)
        self.missing, self.differing = missing, differing

    async def ensure(self, queue: str) -> None:
        """Return if *queue* is there, and makes it with its bindings if it is not.

        What is there is not bound once more: `look` does that. To consume must not wait for it.

        Raises:
            ChannelNotFoundEntity, ChannelAccessRefused: It is missing, and is not to be made, or may not be.
            AMQPError, ConnectionError, TimeoutError: The broker is away.

        """
        if self.connection is None:
            return
        bindings = [each for each in self._topology.bindings if each.queue == queue]
        around = {queue, *(each.exchange for each in bindings)}
        async with topology_probe(self.connection) as ask:
            made = False
            for thing in self._topology.things:
                if thing.name in around and not await self._exists(ask, thing):
                    await ask.declare(thing, passive=not self._may_make)
                    made = True
            for each in bindings if made else ():
                await ask.bind(each)

    async def _found(self, ask: TopologyProbe, thing: Exchange | Queue) -> CheckResult:
        """Return how *thing* stands, after it was made again if it was missing."""
        finding = await ask.about(thing, in_full=self._may_make)
        if finding.state is not State.MISSING or not self._may_make:
            return finding
        try:
            await ask.declare(thing)
        except REFUSALS as error:
            return CheckResult(thing, State.MISSING, f"{thing.name} is missing, and cannot be made: {error}")
        _log.warning("made again", name=thing.name)
        return CheckResult(thing, State.OK)

    async def _exists(self, ask: TopologyProbe, thing: Exchange | Queue) -> bool:
        there = (await ask.about(thing, in_full=False)).state is not State.MISSING
        if not there and self._may_make:
            _log.warning("made again", name=thing.name)
        return there

    async def _make_policies(self, management: Management) -> None:
        try:
            for policy in missing_policies(self._topology, await broker_state(management)):
                await management.put_policy(policy)
                _log.warning("policy made", name=policy.name)
        except ManagementRefused as error:
            _log.error("policies not made", why=str(error))


async def _bound(ask: TopologyProbe, binding: Binding) -> dict[str, str]:
    """Make *binding*, if it is not there; return what hindered that."""
    try:
        await ask.bind(binding)
    except REFUSALS as error:
        name = f"{binding.exchange} -> {binding.queue}"
        return {name: f"{binding.queue} cannot be bound to {binding.exchange}: {error}"}
    return {}


def _log_changes(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    for name in after.keys() - before.keys():
        _log.error("not as it has to be", name=name, why=after[name])
    for name in before.keys() - after.keys():
        _log.warning("as it has to be again", name=name)
