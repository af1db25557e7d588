"""The floor of every login: bcrypt on all cores, and nothing else. It is its own load."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from benchmarks.load.runs import Tally, obey

COST = 12
PASSWORD = b"correct horse battery staple"


async def main() -> None:
    """Check a password again and again, whenever we are told to."""
    stored = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(COST))
    cores = len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(cores)

    async def run(seconds: float, in_flight: int) -> Tally:  # noqa: ARG001 - more than there are cores help nobody
        tally, until = Tally(), time.perf_counter() + seconds

        def check_on() -> None:
            while (sent := time.perf_counter()) < until:
                tally.note(sent, good=bcrypt.checkpw(PASSWORD, stored), reply=b"")

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, check_on) for _ in range(cores)))
        return tally

    await obey(run)


if __name__ == "__main__":
    asyncio.run(main())
