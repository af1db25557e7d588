"""Calls of drivers that are never cancelled from outside: what ends is our waiting for them.

A cancellation is safe for the code that it was written for. Drivers share locks, connections and confirms
among all their callers, and a call that is cancelled at the wrong moment takes those of the others along:
PyMongo 4.20 on Python 3.11 kept the lock of its topology for ever.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import structlog

Value = TypeVar("Value")

# So many at once only while a driver does not keep its own limits.
MAX_ABANDONED: Final = 512

_log = structlog.get_logger("profile.detached")


class TooManyAbandoned(Exception):
    """As many abandoned calls are still running as may be."""


class DetachedCalls:
    """Runs each call as a task of its own, and lets it end by itself, by the driver's own time limits.

    A task costs about 10 us of CPU.

    Args:
        driver: What the log calls it.
        limit: How many abandoned calls may run; while they do, new ones are refused.

    Attributes:
        abandoned: How many calls were left by whoever had begun them, since the process started.

    """

    def __init__(self, driver: str, limit: int = MAX_ABANDONED) -> None:
        self._driver = driver
        self._limit = limit
        self._running: set[asyncio.Future[Any]] = set()
        self.abandoned = 0

    @property
    def running(self) -> int:
        """How many of the abandoned calls still run."""
        return len(self._running)

    async def run(self, call: Awaitable[Value]) -> Value:
        """Return what *call* returns. Whoever is cancelled here leaves it running.

        Raises:
            TooManyAbandoned: The driver does not come back from earlier calls; this one was not begun.

        """
        if len(self._running) >= self._limit:
            _discard(call)
            raise TooManyAbandoned
        task = asyncio.ensure_future(call)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                self._abandon(task)
            raise

    def _abandon(self, task: asyncio.Future[Any]) -> None:
        self.abandoned += 1
        self._running.add(task)
        task.add_done_callback(self._forget)
        if len(self._running) == self._limit:
            _log.error("driver does not come back", driver=self._driver, calls=self._limit)

    def _forget(self, task: asyncio.Future[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # nobody is left to whom it matters


def _discard(call: Awaitable[Any]) -> None:
    """Close a coroutine that will not be run; Python warns of one that was forgotten."""
    if asyncio.iscoroutine(call):
        call.close()
