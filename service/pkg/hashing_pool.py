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
        queue_size: How many calls may wait for a thread; one more is refused.

    """

    def __init__(self, threads: int, queue_size: int) -> None:
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_yield_to_others)
        self._places = threading.Semaphore(threads + queue_size)

    @property
    def is_full(self) -> bool:
        """Whether one more call would be refused just now."""
        if free := self._places.acquire(blocking=False):
            self._places.release()
        return not free

    async def run(self, work: Callable[[], Value]) -> Value:
        """Return what *work* returns.

        A caller who stops waiting gives the place back, at once or, if the work is being done, with it.

        Raises:
            PoolFull: Too many calls wait already.

        """
        if not self._places.acquire(blocking=False):
            raise PoolFull
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop the calls that wait, and let those that run come to their end."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _yield_to_others() -> None:
    """Lower the priority of this thread alone. On Linux threads have priorities of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
