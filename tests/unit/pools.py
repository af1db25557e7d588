"""Pools that have their hands full."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.pkg.hashing_pool import HashingPool


@asynccontextmanager
async def busy(pool: HashingPool, calls: int = 1) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """Keep *pool* busy with so many calls, and let them go at the end."""
    go_on = threading.Event()
    tasks = [asyncio.create_task(pool.run(lambda: go_on.wait(10))) for _ in range(calls)]
    await asyncio.sleep(0)
    try:
        yield tasks
    finally:
        go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)
