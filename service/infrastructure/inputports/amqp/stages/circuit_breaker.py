"""The circuit breaker in front of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

import structlog

from service.domain.errors import DeadlineExceeded
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.deadlines import DATABASE_SHARE, ServiceTimeout
from service.infrastructure.rabbitmq.connection import AWAY
from service.pkg.background import is_cancelled

# After so many failures the database itself is asked.
_SUSPICIOUS: Final = 5
# Between two questions.
_PAUSE_SECONDS: Final = 1.0
# How long a request may try while it is known that the database is away.
_OPEN_SECONDS: Final = 0.1

_log = structlog.get_logger("profile.circuit_breaker")


class Consumers(Protocol):
    """What takes messages from queues."""

    async def pause(self, queues: Collection[str]) -> None:
        """Let the messages of these queues wait there, and take those of all others."""


class CircuitBreaker:
    """Tells whether the database is away: by what messages met with, and then by asking it.

    While it is away, the circuit is open: what can wait stays in its queue, and the rest is refused at once
    ("Release It!", 5; the kill switch of MassTransit, the rate limiting of NServiceBus).

    What waits in a queue loses nothing. Commands that were tried in vain would fill the retry queues and,
    in the end, the dead letters.

    Args:
        failure: What a message meets with that the database does not answer.
        is_available: Asks the database, and returns soon.
        pausable: The queues whose messages can wait.

    """

    def __init__(
        self,
        failure: type[Exception],
        is_available: Callable[[], Awaitable[bool]],
        consumers: Consumers,
        pausable: Collection[str],
    ) -> None:
        self._signs = (failure, DeadlineExceeded, ServiceTimeout)
        self._is_available = is_available
        self._consumers = consumers
        self._pausable = pausable
        self._failures = 0
        self._suspected = asyncio.Event()
        self.is_open = False

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on, and record what that meets with."""
        try:
            await call_next(context)
        except Exception as error:
            self.record(error)
            raise

    def record(self, error: Exception) -> None:
        """Take notice of what a message met with: that its time was over may be for the same reason.

        That others are served first says nothing about the database. If it were asked for that, an overloaded
        worker, which may not get its answer in time, would take it for away.
        """
        if isinstance(error, self._signs):
            self._failures += 1
        if self._failures >= _SUSPICIOUS:
            self._suspected.set()

    def db_timeout(self, seconds: float) -> float:
        """Return how long a request that has so many *seconds* left may wait for the database."""
        share = seconds * DATABASE_SHARE
        return min(share, _OPEN_SECONDS) if self.is_open else share

    async def monitor(self) -> None:
        """Pause and resume, for ever."""
        while not is_cancelled():
            if not self.is_open:  # it may have been open when this loop began anew
                await self._suspected.wait()  # for ever, if nothing fails: this loop has nothing else to do
                self._failures = 0
                self._suspected.clear()
            if self.is_open or not await self._is_available():
                await self._stay_open()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _stay_open(self) -> None:
        """Keep the circuit open until the database is back."""
        self.is_open = True
        _log.error("database away", paused=sorted(self._pausable))
        while not (await self._is_available() and await self._apply(())):
            await self._apply(self._pausable)
            await asyncio.sleep(_PAUSE_SECONDS)
        self.is_open = False
        _log.warning("database back")

    async def _apply(self, paused: Collection[str]) -> bool:
        """Return whether the broker let just these queues be *paused*; it may be away, too."""
        try:
            await self._consumers.pause(paused)
        except AWAY as error:
            _log.warning("broker away", error_type=type(error).__name__)
            return False
        return True
