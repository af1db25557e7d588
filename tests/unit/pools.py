"""Pools that have their hands full."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.pkg.hashing_pool import HashingPool


@asynccontextmanager
async def busy(pool: HashingPool, calls: int = 1) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """Keep *pool* busy with so many calls, of which the first has begun, and let them go at the end."""
    began = threading.Event()
    go_on = threading.Event()

    def wait() -> bool:
        began.set()
        return go_on.wait(10)

    tasks = [asyncio.create_task(pool.run(wait)) for _ in range(calls)]
    try:
        assert await asyncio.to_thread(began.wait, 10)
        yield tasks
    finally:
        go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)
