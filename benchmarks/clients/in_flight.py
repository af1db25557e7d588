"""Calls that are kept in flight."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.load.runs import Tally


async def keep_in_flight(call: Callable[[], Awaitable[bool]], seconds: float, in_flight: int) -> Tally:
    """Return what came of so many callers that *call* for so long; a call says whether its reply was good."""
    tally, until = Tally(), time.perf_counter() + seconds

    async def call_on() -> None:
        while (sent := time.perf_counter()) < until:
            tally.note(sent, good=await call(), reply=b"")

    await asyncio.gather(*(call_on() for _ in range(in_flight)))
    return tally
