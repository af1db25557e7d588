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

    Attributes:
        busy: How many calls a thread works on just now.

    """

    def __init__(self, threads: int, queue_size: int) -> None:
        self._executor = ThreadPoolExecutor(threads, "hashing", initializer=_yield_to_others)
        self._places = threads + queue_size
        self._lock = threading.Lock()  # for both of these counts
        self._taken = 0
        self.busy = 0

    @property
    def is_full(self) -> bool:
        """Whether one more call would be refused just now."""
        return self._taken >= self._places

    @property
    def queued(self) -> int:
        """How many calls wait for a thread just now."""
        with self._lock:
            return self._taken - self.busy

    async def run(self, work: Callable[[], Value]) -> Value:
        """Return what *work* returns.

        A caller who stops waiting gives the place back, at once or, if the work is being done, with it.

        Raises:
            PoolFull: Too many calls wait already.

        """
        self._take_place()
        future = self._executor.submit(self._counted, work)
        future.add_done_callback(self._give_place_back)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop the calls that wait, and let those that run come to their end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _take_place(self) -> None:
        with self._lock:
            if self.is_full:
                raise PoolFull
            self._taken += 1

    def _give_place_back(self, _done: object) -> None:
        with self._lock:
            self._taken -= 1

    def _counted(self, work: Callable[[], Value]) -> Value:
        with self._lock:
            self.busy += 1
        try:
            return work()
        finally:
            with self._lock:
                self.busy -= 1


def _yield_to_others() -> None:
    """Lower the priority of this thread alone. On Linux threads have priorities of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
