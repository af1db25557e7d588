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
from urllib.parse import urlsplit

from service.infrastructure.security.keys import new_key
from tools.servers.logs import end_of
from tools.servers.processes import private_processes
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 40.0


class WorkerFailed(RuntimeError):
    """A worker ended at once, or was not ready in time; the message quotes its log."""


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
    If we are killed, it ends with us, and the keys that were made for it here are removed.

    Raises:
        WorkerFailed: It ended at once, or was not ready in time.

    """
    keys = folder / "keys"
    made = () if keys.exists() else (keys,)
    with private_processes(*made) as processes:
        if made:
            new_key(keys, datetime.now(UTC))
        child = processes.launch(
            "worker",
            [sys.executable, "-m", *module],
            folder / f"{name}.log",
            {**with_settings(environment(sandbox, keys)), **(extra or {})},
        )
        worker = Worker(child.process, child.log)
        try:
            _wait_until_ready(worker)
            yield worker
        finally:
            worker.stop()


def environment(sandbox: Sandbox, keys: Path) -> dict[str, str]:
    """Return the settings of a worker on *sandbox*: those that say where its servers are, and the keys.

    None of these may come from elsewhere. A worker makes policies by the management API that is named to it.
    """
    console = urlsplit(sandbox.management_url)
    administrator = urlsplit(sandbox.admin_url).netloc.rpartition("@")[0] or "guest:guest"
    return {
        "RABBITMQ_URL": sandbox.service_url,
        "RABBITMQ_MANAGEMENT_URL": console._replace(netloc=f"{administrator}@{console.netloc}").geturl(),
        "MONGO_URL": sandbox.mongo_url,
        "REDIS_URL": sandbox.redis_url,
        "SIGNING_KEYS_DIR": str(keys),
    }


def with_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with *settings*, and without the files that it may name for one of them.

    To a variable and a file of it, such as `RABBITMQ_URL_FILE`, the service says that both are set.
    """
    files = {f"{name}_FILE" for name in settings}
    return {**{name: value for name, value in os.environ.items() if name not in files}, **settings}


def _wait_until_ready(worker: Worker) -> None:
    def is_ready() -> bool:
        if (code := worker.process.poll()) is not None:
            raise WorkerFailed(f"The worker ended at once, with exit code {code}. {end_of(worker.log)}")
        return '"event": "ready"' in worker.log.read_text()

    try:
        wait_until(is_ready, within=_START_SECONDS)
    except TimeoutError as late:
        raise WorkerFailed(f"The worker was not ready: {late}. {end_of(worker.log)}") from late
