"""Threads for work that burns CPU, so that the event loop and other work go first."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Value = TypeVar("Value")

_LOWEST_PRIORITY: Final = 19


class PoolFull(Exception):
    """As much work waits as may wait."""


class HashingPool:
    """A bounded pool of threads at the lowest CPU priority.

    Args:
        threads: How many run at once; more than there are cores gain nothing.
        waiting: How many calls may wait for a thread; one more is refused.

    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_yield_to_others)
        self._free = threads + waiting

    async def run(self, work: Callable[[], Value]) -> Value:
        """Return what *work* returns.

        The place is held until the thread is done, also if the caller stops waiting.

        Raises:
            PoolFull: Too many calls wait already.

        """
        if self._free <= 0:
            raise PoolFull
        self._free -= 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(self._release)
        return await asyncio.shield(future)

    def _release(self, _: object) -> None:
        self._free += 1

    def close(self) -> None:
        """Drop the calls that wait, and let those that run come to their end."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _yield_to_others() -> None:
    """Lower the priority of this thread alone. On Linux threads have priorities of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
