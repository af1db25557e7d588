"""A worker of which one part gets stuck for ever at SIGUSR1.

`python -m tests.faults.stuck_worker PART`, with the environment of a worker. It does not take as long as
others to notice.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import typer

from service import lifecycle, main
from service.cli import worker as cli
from service.main import Worker, create_worker
from service.pkg.watchdog import watched_loop


async def lock_database(worker: Worker) -> None:
    """Leave the driver as PyMongo 4.20 was left on Python 3.11: nobody gives the lock back."""
    topology: Any = worker.resources.mongo._topology  # noqa: SLF001
    await topology._lock.acquire()  # noqa: SLF001


async def block_loop(_worker: Worker) -> None:
    """Do one thing for ever."""
    time.sleep(3600)  # noqa: ASYNC251 - that is the point


async def lose_consumers(worker: Worker) -> None:
    """Leave aio-pika as if it had given up."""
    connection: Any = worker.broker._connection  # noqa: SLF001
    await connection.close()


async def lose_publisher(worker: Worker) -> None:
    """Leave aio-pika as if it had given up."""
    connection: Any = worker.publisher._connection  # noqa: SLF001
    await connection.close()
    connection.connected.clear()


PARTS: Final[dict[str, Callable[[Worker], Awaitable[None]]]] = {
    "database": lock_database,
    "loop": block_loop,
    "consumers": lose_consumers,
    "publisher": lose_publisher,
}


def fragile_worker() -> Worker:
    """Wire a worker that waits for the signal."""
    worker, spoil = create_worker(), PARTS[sys.argv[1]]
    asked = asyncio.Event()

    async def wait() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked.set)
        await asked.wait()
        await spoil(worker)

    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        tasks.append(asyncio.create_task(wait()))

    async def notice_quickly() -> None:
        worker.watchdog.limit = timedelta(seconds=2)

    worker.app.on_startup(begin)
    # Not before: on a busy machine, to begin to consume may take longer than that.
    worker.app.after_startup(notice_quickly)
    return worker


if __name__ == "__main__":
    quick = timedelta(seconds=0.5)
    with (
        patch.object(main, "EVERY", quick),
        patch.object(lifecycle, "watched_loop", partial(watched_loop, seconds=3)),
        patch.object(cli, "create_worker", fragile_worker),
    ):
        try:
            cli.worker()
        except typer.Exit as end:
            sys.exit(end.exit_code)
