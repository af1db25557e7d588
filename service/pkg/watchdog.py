"""Notices what does not come back by itself, so that the process ends and is started anew."""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

Question = Callable[[], Awaitable[bool]]

# How often to look.
EVERY: Final = timedelta(seconds=5)
# How long a server may be there again before our way to it is, too.
LIMIT: Final = timedelta(seconds=30)
# How long whoever asks for `/livez` has time to learn of it before we end.
_NOTICE_SECONDS: Final = 5.0
# How long an event loop may do one thing.
LOOP_SECONDS: Final = 30

_log = structlog.get_logger("profile.watchdog")


@dataclass(frozen=True, slots=True)
class MonitoredConnection:
    """A way of ours to a server.

    Attributes:
        is_open: Whether it leads there.
        could_be_open: Whether a new one does.

    """

    name: str
    is_open: Question
    could_be_open: Question


@dataclass(slots=True)
class Watchdog:
    """Looks at the ways to all servers.

    Attributes:
        end: Is called when one of them does not come back although its server does.
        stuck: The names of those.

    """

    connections: Sequence[MonitoredConnection]
    end: Callable[[], object]
    limit: timedelta = LIMIT
    stuck: tuple[str, ...] = ()
    _since: dict[str, float] = field(default_factory=dict)

    async def look(self) -> None:
        """Look once at each; end if it has to be."""
        await asyncio.gather(*map(self._look_at, self.connections))
        limit = asyncio.get_running_loop().time() - self.limit.total_seconds()
        self.stuck = tuple(sorted(name for name, since in self._since.items() if since <= limit))
        if self.stuck:
            _log.critical("stuck", connections=self.stuck)
            await asyncio.sleep(_NOTICE_SECONDS)
            self.end()

    async def _look_at(self, way: MonitoredConnection) -> None:
        if await way.is_open() or not await way.could_be_open():
            self._since.pop(way.name, None)
        else:
            self._since.setdefault(way.name, asyncio.get_running_loop().time())


@contextmanager
def watched_loop(code: int, seconds: int = LOOP_SECONDS) -> Iterator[None]:
    """End the process with *code* if the event loop does one thing for so many *seconds*.

    They are counted one by one: a process that was stopped for a while, with all its threads, is well.
    """
    loop, ended, beat = asyncio.get_running_loop(), threading.Event(), threading.Event()

    def watch() -> None:
        missed = 0
        while not ended.wait(1.0):
            if beat.is_set():
                missed = 0
                beat.clear()
                loop.call_soon_threadsafe(beat.set)
            elif (missed := missed + 1) >= seconds:
                _log.critical("event loop stuck", seconds=missed)
                logging.shutdown()  # waits for no reader
                os._exit(code)

    beat.set()
    threading.Thread(target=watch, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
