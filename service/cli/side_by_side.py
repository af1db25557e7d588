"""Several workers under one command: started, started anew, and stopped all at once."""

import asyncio
import os
import sys
from collections.abc import Iterable
from typing import Final

import structlog

from service.pkg.signals import at_a_signal

# Before a worker that ended by itself is started anew; twice as long each time that happens soon.
_PAUSE_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 30.0

_log = structlog.get_logger("profile.workers")


def side_by_side(count: int, health_port: int) -> int:
    """Run *count* workers until a signal comes; return the worst of their exit codes.

    The first one answers probes on *health_port*, the others on the ports after it; 0 is nowhere.

    FastStream's own `--workers` stops them one after the other and gives each 30 seconds, so that the
    last of many would be killed before its turn.
    """
    ports = range(health_port, health_port + count) if health_port else [0] * count
    return asyncio.run(_Workers().run(ports))


class _Workers:
    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._running: set[asyncio.subprocess.Process] = set()

    async def run(self, health_ports: Iterable[int]) -> int:
        at_a_signal(self._stop)
        return max(await asyncio.gather(*map(self._keep_one, health_ports)))

    def _stop(self) -> None:
        """Hand the signal on to all workers at once."""
        self._stopping.set()
        for each in self._running:
            each.terminate()

    async def _keep_one(self, health_port: int) -> int:
        """Keep one worker running until all are to stop; return its last exit code."""
        loop, pause = asyncio.get_running_loop(), _PAUSE_SECONDS
        while True:
            started = loop.time()
            code = await self._run_one(health_port)
            if self._stopping.is_set():
                return code
            was_soon = loop.time() - started < _SOON_SECONDS
            pause = min(2 * pause, _SOON_SECONDS) if was_soon else _PAUSE_SECONDS
            _log.error("worker ended", code=code, again_after_seconds=pause)
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue
            return code

    async def _run_one(self, health_port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service.cli", "worker"),
            env={**os.environ, "HEALTH_PORT": str(health_port)},
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we tell the workers
        )
        self._running.add(process)
        if self._stopping.is_set():  # it came while the process was being started
            process.terminate()
        code = await process.wait()
        self._running.discard(process)
        return code if code >= 0 else 128 - code  # as shells have it
