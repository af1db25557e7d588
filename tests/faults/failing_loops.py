"""A worker each of whose loops falls over once, by an error that nobody foresaw.

`python -m tests.faults.failing_loops`, with the environment of a worker.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from unittest.mock import patch

import typer

from service.cli.worker import worker
from service.pkg.background import Background, run_in_background

# How long a loop goes on before it falls over.
_SECONDS: Final = 2.0
_running = Background.running


class Unforeseen(RuntimeError):
    """Nobody has thought of this. It quotes somebody@example.org."""


@asynccontextmanager
async def running(self: Background, name: str, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Keep *work* going, as usual; but it falls over the first time."""
    fallen = False

    async def fragile() -> None:
        nonlocal fallen
        if fallen:
            await work()
            return
        fallen = True
        async with run_in_background(_forever(work)):
            await asyncio.sleep(_SECONDS)
        raise Unforeseen(Unforeseen.__doc__)

    async with _running(self, name, fragile):
        yield


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()


if __name__ == "__main__":
    with patch.object(Background, "running", running):
        try:
            worker()
        except typer.Exit as end:
            sys.exit(end.exit_code)
