"""Pools that have their hands full."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.pkg.hashing_pool import HashingPool


@asynccontextmanager
async def busy(
    pool: HashingPool, calls: int = 1, began: threading.Event | None = None
) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """Keep *pool* busy with so many calls, and let them go at the end; set *began* with the first."""
    go_on = threading.Event()

    def wait() -> bool:
        if began:
            began.set()
        return go_on.wait(10)

    tasks = [asyncio.create_task(pool.run(wait)) for _ in range(calls)]
    await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)
