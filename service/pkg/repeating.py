"""Work that is done again and again beside everything else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog

_log = structlog.get_logger("profile.repeating")


def is_cancelled() -> bool:
    """Return whether the current task was cancelled.

    Drivers may turn a cancellation into an error of theirs, and a loop that passes over errors would
    never end.
    """
    task = asyncio.current_task()
    return bool(task and task.cancelling())


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let *work* go on beside the block; its end is the end of the work."""
    working = asyncio.create_task(work)
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


@asynccontextmanager
async def repeated(
    work: Callable[[], Awaitable[None]], every: timedelta, *, passing: tuple[type[Exception], ...]
) -> AsyncIterator[None]:
    """Do *work* after each pause inside the block. Errors that are *passing* are logged and tried again."""

    async def repeat() -> None:
        while not is_cancelled():
            await asyncio.sleep(every.total_seconds())
            try:
                await work()
            except passing as error:
                _log.error("tried in vain", error_type=type(error).__name__, why=str(error))

    async with beside(repeat()):
        yield
