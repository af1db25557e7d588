"""Work that goes on beside everything else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


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
