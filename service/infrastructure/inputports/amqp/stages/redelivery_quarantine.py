"""Which of the messages that a dead worker had is the one that killed it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.retries import delivery_count

# By then all that came at once with a redelivered message is here, too.
_PAUSE_SECONDS: Final = 0.5

_Place = tuple[str, int]  # queue, and number by which we got it: delivery tags begin anew with each channel


class RedeliveryQuarantine:
    """Lets messages that were delivered before go on one at a time, up to their end.

    The broker counts a delivery for each message that a dead worker had not acknowledged (header
    `x-delivery-count`). If all of them were carried out at once, all would be condemned with the one that
    kills. So they come in the order of their queues, and after the next death in the reverse order: all
    others are done after two deaths. What comes for the first time waits for nothing.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Place, int] = {}
        self._numbers = itertools.count()
        self._turns = asyncio.Condition()

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on: at once, or in turn."""
        if count := delivery_count(context.message):
            async with self._serialize(context.route.queue, count):
                await call_next(context)
        else:
            await call_next(context)

    @asynccontextmanager
    async def _serialize(self, queue: str, count: int) -> AsyncIterator[None]:
        """Wait for the turn of a message from *queue* that was delivered *count* times before."""
        place = (queue, next(self._numbers))
        self._waiting[place] = count
        try:
            await asyncio.sleep(_PAUSE_SECONDS)
            async with self._turns:
                self._turns.notify_all()  # whose turn it is may have changed with this one
                # Each turn before it ends within the limits of its own message.
                await self._turns.wait_for(lambda: self._first() == place)
                # Nobody else has a turn while this block holds the condition's lock.
                yield
        finally:
            del self._waiting[place]
            async with self._turns:
                self._turns.notify_all()

    def _first(self) -> _Place:
        backwards = max(self._waiting.values()) % 2 == 0
        return max(self._waiting) if backwards else min(self._waiting)
