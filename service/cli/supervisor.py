"""Several workers under one command: started, started anew, and stopped all at once."""

import asyncio
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import structlog

from service.pkg.signals import ignore_signals, on_termination

# Before a worker that ended by itself is started anew; twice as long each time that happens soon.
_PAUSE_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 30.0
# So often, one after the other, and starting it anew does not help: whoever supervises us has to know.
_MOST_DEATHS: Final = 5
_LAST_PORT: Final = 65_535
_FAILED: Final = 1

_log = structlog.get_logger("profile.workers")


class TooFewPorts(Exception):
    """There are not as many ports from the first one on as there are workers."""


class NeedsRedis(Exception):
    """Workers have nothing that they could count wrong passwords in together."""


def health_ports(count: int, first: int) -> Iterable[int]:
    """Return the ports on which *count* workers answer probes: *first*, and those after it; 0 is nowhere.

    Raises:
        TooFewPorts: The last of them would be no port; says so.

    """
    if first and first + count - 1 > _LAST_PORT:
        raise TooFewPorts(
            f"{count} workers need {count} ports from HEALTH_PORT={first} on, and the last is {_LAST_PORT}."
        )
    return range(first, first + count) if first else [0] * count


def supervise(ports: Iterable[int]) -> int:
    """Run a worker for each of these health ports until a signal comes; return the worst exit code.

    A worker that ends by itself is started anew, after a pause. One that ends again and again as soon as
    it is started ends all of them.

    FastStream's own `--workers` stops them one after the other and gives each 30 seconds, so that the
    last of many would be killed before its turn.
    """
    code = asyncio.run(_Workers().run(ports))
    ignore_signals()
    return code


class _Workers:
    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._running: set[asyncio.subprocess.Process] = set()
        self._given_up = 0

    async def run(self, health_ports: Iterable[int]) -> int:
        on_termination(self._stop)
        codes = await asyncio.gather(*map(self._keep_one, health_ports))
        return self._given_up or max(codes)

    def _stop(self) -> None:
        """Hand the signal on to all workers at once."""
        self._stopping.set()
        for each in self._running:
            with suppress(ProcessLookupError):  # it has just ended
                each.terminate()

    async def _keep_one(self, health_port: int) -> int:
        """Keep one worker running until all are to stop; return its last exit code."""
        now, deaths = asyncio.get_running_loop().time, 0
        while True:
            started = now()
            code = await self._run_one(health_port)
            if self._stopping.is_set():
                return code
            deaths = deaths + 1 if now() - started < _SOON_SECONDS else 0
            if deaths >= _MOST_DEATHS:
                _log.error("worker does not stay", code=code, times=deaths)
                self._given_up = code or _FAILED
                self._stop()
                return code
            pause = min(_PAUSE_SECONDS * 2**deaths, _SOON_SECONDS)
            _log.error("worker ended", code=code, again_after_seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return code

    async def _run_one(self, health_port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service.cli", "worker", "--until-stdin-ends"),
            stdin=asyncio.subprocess.PIPE,  # which ends with us, even if we are killed
            env={**os.environ, "HEALTH_PORT": str(health_port)},
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we tell the workers
        )
        self._running.add(process)
        if self._stopping.is_set():  # it came while the process was being started
            process.terminate()
        code = await process.wait()
        self._running.discard(process)
        return code if code >= 0 else 128 - code  # as shells have it
