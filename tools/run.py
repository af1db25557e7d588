"""`make run`: servers and a worker, up until Ctrl-C.

A worker that ends by itself is started again, up to five times in a row. Exit code: 0 when told to stop (what
make makes of it is its own), 1 when a server or the worker failed; then the worker's log is kept.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.ending import ended_well
from tools.guide import Guide
from tools.servers import ServerFailed, Servers, running_servers
from tools.servers.logs import end_of
from tools.servers.processes import free_port, private_processes
from tools.servers.sandbox import sandbox
from tools.worker import Worker, WorkerFailed, running_worker

# Seconds before a worker that ended is started again; when they are used up, we give up.
_PAUSES: Final = (1, 2, 4, 8, 16)
# A worker that was up for as long (seconds) is forgiven all that was before.
_FORGIVEN_AFTER: Final = 60.0
# How often the servers are looked after.
_LOOK_SECONDS: Final = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """Servers, and a worker on them that is kept up."""

    servers: Servers
    guide: Guide
    say: Say
    pause: Callable[[float], None] = time.sleep

    def keep_up(self) -> None:
        """Keep a worker running.

        Raises:
            WorkerFailed: It did not start, or ended again and again.
            ServerFailed: A server ended.

        """
        endings = 0
        while True:
            began = time.monotonic()
            what = self._one_life(greeting="\nThe worker answers again." if endings else self.guide.text())
            endings = 1 if time.monotonic() - began > _FORGIVEN_AFTER else endings + 1
            if endings > len(_PAUSES):
                raise WorkerFailed(f"{what}\nIt ended {endings} times in a row: giving up.")
            seconds = _PAUSES[endings - 1]
            self.say(f"\n{what}\nStarting it again in {seconds} s.")
            self.pause(seconds)

    def _one_life(self, greeting: str) -> str:
        """Run one worker; return what is to be said when it has ended."""
        guide = self.guide
        with running_worker(guide.box, guide.folder, {"HEALTH_PORT": str(guide.health_port)}) as worker:
            self.say(greeting)
            code = self._wait(worker)
        return f"The worker ended by itself, with exit code {code}. {end_of(guide.log)}"

    def _wait(self, worker: Worker) -> int:
        while True:
            try:
                return worker.process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                self.servers.check()


def main() -> int:
    """Run until we are told to stop."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with (
        private_processes() as processes,  # for its folder, which no end of ours leaves behind
        _log_kept(processes.folder / "worker.log"),
        running_servers(console.print, usual_ports=True) as servers,
        # Only a broker of our own is ours as a whole.
        sandbox(servers, definitions(topology()), vhost="/" if servers.own_broker else None) as box,
    ):
        Run(servers, Guide(box, processes.folder, free_port()), console.print).keep_up()
    return 0


@contextmanager
def _log_kept(log: Path) -> Iterator[None]:
    """Keep *log* when something fails inside the block, and say where."""
    try:
        yield
    except (ServerFailed, WorkerFailed) as failure:
        if not log.exists():
            raise
        handle, kept = tempfile.mkstemp(prefix="profile-worker-", suffix=".log")
        os.close(handle)
        shutil.copyfile(log, kept)
        raise type(failure)(f"{failure}\nThe worker's log is kept in {kept}") from failure


if __name__ == "__main__":
    sys.exit(ended_well(main, stopped=0))
