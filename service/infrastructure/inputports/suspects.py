"""Requests that workers have died over, and those that only were in the same hands, are told apart here."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

# By then all that came at once with a suspect is here, too.
_PAUSE_SECONDS: Final = 0.5

# A message over which so many workers have died, or lost their connection, is not given to another one.
MAX_DELIVERIES: Final = 10

_Place = tuple[str, int]  # queue, and number by which we got it: delivery tags begin anew with each channel


class TooManyDeliveries(Exception):
    """Workers have died or lost their connection over this message time and again."""


class Suspects:
    """Lets suspects have their turns one at a time, so that only one of them can be the one that kills.

    The broker counts a delivery for each message that a dead worker had in hand. If all of them were
    carried out at once, all would be condemned with the one that killed. So they come in the order of
    their queues, and after the next death in the reverse order: all others are done after two deaths.
    """

    def __init__(self) -> None:
        self._waiting: dict[_Place, int] = {}
        self._numbers = itertools.count()
        self._turns = asyncio.Condition()

    @asynccontextmanager
    async def turn(self, queue: str, message: AbstractIncomingMessage) -> AsyncIterator[None]:
        """Wait for the turn of *message* from *queue*, if it was delivered before; end it with the block."""
        if not (count := deliveries(message)):
            yield
            return
        place = (queue, next(self._numbers))
        self._waiting[place] = count
        try:
            await asyncio.sleep(_PAUSE_SECONDS)
            async with self._turns:
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


def deliveries(message: AbstractIncomingMessage) -> int:
    """Return how often the broker has delivered *message* before. Callers may write the header, too."""
    count = message.headers.get("x-delivery-count")
    return count if message.redelivered and isinstance(count, int) else 0


def refuse_killers(message: AbstractIncomingMessage) -> None:
    """Raise `TooManyDeliveries` if workers have died over *message* time and again."""
    if deliveries(message) >= MAX_DELIVERIES:
        raise TooManyDeliveries
