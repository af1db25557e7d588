"""The loops beside the work of a process, supervised in one place.

What a loop did not foresee is logged by its type and place, counted, and the loop begins anew after a pause.
A loop that fails on and on ends the process, so that whoever supervises it sees to it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from service.pkg.logger import what_and_where

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
# With the pauses between them, about three minutes.
MAX_FAILURES: Final = 10
# A loop that has gone on for so long has got over it.
_STEADY_SECONDS: Final = 60.0

_log = structlog.get_logger("profile.background")


def is_cancelled() -> bool:
    """Return whether the current task was cancelled.

    Drivers may turn a cancellation into an error of theirs, and a loop that passes over errors would
    never end.
    """
    task = asyncio.current_task()
    return bool(task and task.cancelling())


@asynccontextmanager
async def run_in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let *work* go on beside the block; its end is the end of the work."""
    working = asyncio.create_task(work)
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


class EndedByItself(Exception):
    """The loop ended, or was cancelled by a library that it called; nobody had asked it to."""


@dataclass(slots=True)
class LoopState:
    """What operators can see of a loop.

    Attributes:
        failures: How often it had to begin anew, since the process started.
        in_a_row: How often without having gone on well in between.
        skipped: How many items it skipped because of an unforeseen error.
        error: The type of the last error, while it fails.
        done_at: When a periodic one was last done with its work, in epoch seconds; 0 is never.

    """

    failures: int = 0
    in_a_row: int = 0
    skipped: int = 0
    error: str | None = None
    done_at: float = 0.0

    @property
    def pause(self) -> float:
        """How many seconds to wait before it begins anew: twice as long each time."""
        return min(_FIRST_PAUSE_SECONDS * float(2 ** (self.in_a_row - 1)), _LONGEST_PAUSE_SECONDS)

    def succeed(self) -> None:
        """Take note that it goes on well."""
        self.in_a_row, self.error = 0, None

    def fail(self, error: Exception) -> None:
        """Take note of what it fell over."""
        self.failures += 1
        self.in_a_row += 1
        self.error = type(error).__name__


@dataclass(slots=True)
class Background:
    """Keeps loops going.

    Attributes:
        give_up: Is called with the name of a loop that can't go on.
        loops: The state of each loop, by name.

    """

    give_up: Callable[[str], object]
    loops: dict[str, LoopState] = field(default_factory=dict)

    @property
    def failing(self) -> Mapping[str, str]:
        """What the loops that do not go on well fall over, by name."""
        return {name: state.error for name, state in self.loops.items() if state.error}

    @asynccontextmanager
    async def running(self, name: str, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Keep *work*, which goes on for ever, going inside the block."""
        async with run_in_background(self._keep(name, work)):
            yield

    @asynccontextmanager
    async def periodic(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        every: timedelta,
        *,
        transient: tuple[type[Exception], ...] = (),
    ) -> AsyncIterator[None]:
        """Do *work* after each pause inside the block. Errors that are *transient* are only logged."""
        state = self._state(name)

        async def repeat() -> None:
            while not is_cancelled():
                await asyncio.sleep(every.total_seconds())
                try:
                    await work()
                except transient as error:
                    _log.error("tried in vain", loop=name, error_type=type(error).__name__, why=str(error))
                else:
                    state.succeed()
                    state.done_at = time.time()

        async with self.running(name, repeat):
            yield

    @contextmanager
    def skipping(
        self, name: str, *, transient: tuple[type[Exception], ...] = (), **about: str
    ) -> Iterator[None]:
        """Let the loop *name* skip the one item inside, if an unforeseen error says so.

        Errors that are *transient* have nothing to do with the item, and go on their way. *about* it is
        logged: nothing personal.
        """
        try:
            yield
        except transient:
            raise
        except Exception as error:  # noqa: BLE001 - the other items must not suffer from this one
            self.skip(name, error, **about)

    def skip(self, name: str, error: Exception, **about: str) -> None:
        """Take note that the loop *name* skipped an item because of *error*."""
        self._state(name).skipped += 1
        _log.error("item skipped", loop=name, **about, **what_and_where(error))

    def _state(self, name: str) -> LoopState:
        return self.loops.setdefault(name, LoopState())

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        state, later = self._state(name), asyncio.get_running_loop().call_later
        while not is_cancelled():
            steady = later(_STEADY_SECONDS, state.succeed)
            try:
                error = await _failure(work)
            finally:
                steady.cancel()
            if is_cancelled():  # a driver has turned that into an error
                return
            state.fail(error)
            _log.error("loop failed", loop=name, in_a_row=state.in_a_row, **what_and_where(error))
            if state.in_a_row >= MAX_FAILURES:
                self.give_up(name)
                return
            await asyncio.sleep(state.pause)


async def _failure(work: Callable[[], Awaitable[None]]) -> Exception:
    """Return why *work* ended."""
    try:
        await work()
    except asyncio.CancelledError:
        if is_cancelled():
            raise
    except Exception as error:  # noqa: BLE001 - the loop begins anew, whatever it was
        return error
    return EndedByItself()
