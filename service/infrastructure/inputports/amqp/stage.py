"""What a stage is, and how stages are put together: once for each queue, when the worker starts."""

import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.in_flight import Serve
from service.infrastructure.inputports.amqp.route import Condition, Route


class Stage(Protocol):
    """One thing that happens to a message before, or around, everything that follows."""

    async def __call__(self, context: MessageContext, call_next: CallNext, /) -> None:
        """Do it, and let *call_next* do the rest; or raise, and nothing that follows happens."""


class ExitStage(Protocol):
    """One thing that happens to a message on its way out, whatever has happened before."""

    async def __call__(self, context: MessageContext, /) -> None:
        """Do it."""


AnyStage = TypeVar("AnyStage")
# A stage, and for which routes it is there; `None` stands for one that nobody wants.
Entries = tuple[tuple[Condition, AnyStage | None], ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that happens to messages, in order.

    Attributes:
        around: What holds a message from its arrival to its end. The first of it has to take what is raised
            in it, and on the way out: nobody comes after.
        way_in: The first that raises ends the way in, and what it raised is the outcome.
        way_out: All of them, whatever the outcome is.

    """

    around: Entries[Stage]
    way_in: Entries[Stage]
    way_out: Entries[ExitStage]

    def compile(self, route: Route) -> Serve:
        """Return what serves a message of *route*: its stages, and no others."""
        way_in = _chain(_stages_for(self.way_in, route), _end)
        way_out = _stages_for(self.way_out, route)

        async def in_and_out(context: MessageContext) -> None:
            context.started = time.perf_counter()
            try:
                await way_in(context)
            except Exception as error:  # noqa: BLE001 - whatever happens, there is a way out
                context.fail(error)
            for stage in way_out:
                await stage(context)

        around = _chain(_stages_for(self.around, route), in_and_out)

        async def serve(message: AbstractIncomingMessage) -> None:
            await around(MessageContext(message, route, message_id=message.message_id))

        return serve


def _stages_for(entries: Entries[AnyStage], route: Route) -> tuple[AnyStage, ...]:
    return tuple(stage for is_for, stage in entries if stage is not None and is_for(route))


def _chain(stages: Iterable[Stage], call_next: CallNext) -> CallNext:
    """Return the first of *stages*, which calls the second, and so on; the last one calls *call_next*."""
    for stage in reversed(tuple(stages)):
        call_next = _link(stage, call_next)
    return call_next


def _link(stage: Stage, call_next: CallNext) -> CallNext:
    def call(context: MessageContext) -> Awaitable[None]:
        return stage(context, call_next)

    return call


async def _end(_context: MessageContext) -> None:
    """Do nothing: the way in has ended."""
