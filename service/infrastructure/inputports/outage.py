"""What a worker does while the database is away: leave commands in their queues, refuse the rest at once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

import structlog
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from service.domain.errors import DeadlineExceeded, Unavailable
from service.infrastructure.inputports.deadlines import DATABASE_SHARE
from service.pkg.background import is_cancelled

# After so many failures the database itself is asked.
_SUSPICIOUS: Final = 5
# Between two questions.
_PAUSE_SECONDS: Final = 1.0
# How long a request may try while it is known that the database is away.
_PATIENCE_SECONDS: Final = 0.1

_log = structlog.get_logger("profile.outage")


class Consumers(Protocol):
    """What takes messages from queues."""

    async def pause(self, queues: Collection[str]) -> None:
        """Let the messages of these queues wait there, and take those of all others."""


class Outage:
    """Tells whether the database is away: by what requests met with, and then by asking itself.

    What waits in a queue loses nothing. Commands that were tried in vain would fill the retry queues and,
    in the end, the dead letters (the kill switch of MassTransit, the rate limiting of NServiceBus).

    Args:
        is_there: Asks the database, and returns soon.
        waiting: The queues whose messages can wait.

    """

    def __init__(
        self, is_there: Callable[[], Awaitable[bool]], consumers: Consumers, waiting: Collection[str]
    ) -> None:
        self._is_there = is_there
        self._consumers = consumers
        self._waiting = waiting
        self._failures = 0
        self._suspected = asyncio.Event()
        self.is_on = False

    def note(self, error: Exception | None) -> None:
        """Take notice of what a request met with: that its time was over may be for the same reason."""
        if isinstance(error, Unavailable | DeadlineExceeded):
            self._failures += 1
        if self._failures >= _SUSPICIOUS:
            self._suspected.set()

    def patience(self, seconds: float) -> float:
        """Return how long a request that has so many *seconds* left may wait for the database."""
        share = seconds * DATABASE_SHARE
        return min(share, _PATIENCE_SECONDS) if self.is_on else share

    async def watch(self) -> None:
        """Pause and resume, for ever."""
        while not is_cancelled():
            if not self.is_on:  # it may have been on when this loop began anew
                await self._suspected.wait()
                self._failures = 0
                self._suspected.clear()
            if self.is_on or not await self._is_there():
                await self._last()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _last(self) -> None:
        """Let the outage take its course."""
        self.is_on = True
        _log.error("database away", paused=sorted(self._waiting))
        while not (await self._is_there() and await self._obeyed(())):
            await self._obeyed(self._waiting)
            await asyncio.sleep(_PAUSE_SECONDS)
        self.is_on = False
        _log.warning("database back")

    async def _obeyed(self, paused: Collection[str]) -> bool:
        """Return whether the broker let just these queues be *paused*; it may be away, too."""
        try:
            await self._consumers.pause(paused)
        except (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError) as error:
            _log.warning("broker away", error_type=type(error).__name__)
            return False
        return True
