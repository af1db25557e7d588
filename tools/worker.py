"""A worker as a process of its own, as operators run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from service.infrastructure.crypto.keys import new_key
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 40.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that answers.

    Attributes:
        log: The file its log goes to.

    """

    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, wait until it has ended, and return its exit code.

        Raises:
            TimeoutExpired: It did not end in time, so it was killed.

        """
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def running_worker(
    sandbox: Sandbox,
    folder: Path,
    extra: Mapping[str, str] | None = None,
    name: str = "worker",
    module: Sequence[str] = ("service.cli", "worker"),
) -> Iterator[Worker]:
    """Start a worker on *sandbox*, with its log and keys in *folder*, and stop it at the end.

    *extra* are environment variables on top of those that name the servers. *module* is what Python runs.

    Raises:
        RuntimeError: It did not answer in time; quotes its log.

    """
    keys = folder / "keys"
    if not keys.exists():
        new_key(keys, datetime.now(UTC))
    log = folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env={**os.environ, **_environment(sandbox, keys), **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we tell the worker
        )
    worker = Worker(process, log)
    try:
        _wait_until_ready(worker)
        yield worker
    finally:
        worker.stop()


def _environment(sandbox: Sandbox, keys: Path) -> dict[str, str]:
    return {
        "RABBITMQ_URL": sandbox.service_url,
        "MONGO_URL": sandbox.mongo_url,
        "REDIS_URL": sandbox.redis_url,
        "SIGNING_KEYS_DIR": str(keys),
    }


def _wait_until_ready(worker: Worker) -> None:
    def is_ready() -> bool:
        log = worker.log.read_text()
        if worker.process.poll() is not None:
            message = f"The worker ended at once:\n{log[-2000:]}"
            raise RuntimeError(message)
        return '"event": "ready"' in log

    wait_until(is_ready, within=_START_SECONDS)
