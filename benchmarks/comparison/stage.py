"""Servers, a worker of ours and data, for one run."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.comparison.data import Data, store
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.running import Report, Stage
from benchmarks.comparison.scenarios import FASTSTREAM, HAND_WRITTEN, HAND_WRITTEN_UVLOOP, IN_FLIGHT, OURS
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import Servers, running_servers
from tools.servers.processes import free_port, private_processes
from tools.servers.sandbox import GATEWAY, Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

NAMEKO: Final = "nameko.yaml"
_UPDATERS: Final = (OURS, HAND_WRITTEN, HAND_WRITTEN_UVLOOP, FASTSTREAM)
_WORKER: Final[Mapping[str, str]] = {
    "TRUSTED_SERVICES": json.dumps({GATEWAY: ["profile.get", "profile.update"]}),
    # Longer than any run.
    "ACCESS_TOKEN_SECONDS": "7200",
    "BCRYPT_COST": "12",
    "LOG_LEVEL": "INFO",
}


@dataclass(frozen=True, slots=True)
class Scenery:
    """What is there before anything is measured; none of the peers runs yet.

    Attributes:
        no_worker: Another sandbox, in which no worker of ours is.

    """

    servers: Servers
    stage: Stage
    worker: ProcessTree
    no_worker: Sandbox
    data: Data


@contextmanager
def scenery(programs: Path, report: Report) -> Iterator[Scenery]:
    """Give it all; *programs* are those of the benchmark's environment."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(TemporaryDirectory(prefix="profile-bench-")))
        servers = cleanup.enter_context(running_servers(report))
        sandbox = cleanup.enter_context(new_sandbox(servers, definitions(topology())))
        stage = Stage(
            programs, folder, sandbox, cleanup.enter_context(private_processes()), free_port(), report
        )
        worker = cleanup.enter_context(one_more_worker(stage, "worker"))
        config = {"AMQP_URI": sandbox.admin_url, "max_workers": IN_FLIGHT}
        (folder / NAMEKO).write_text(json.dumps(config))
        no_worker = cleanup.enter_context(other_sandbox(servers))
        yield Scenery(servers, stage, worker, no_worker, asyncio.run(store(sandbox, _UPDATERS)))


@contextmanager
def one_more_worker(stage: Stage, name: str, sandbox: Sandbox | None = None) -> Iterator[ProcessTree]:
    """Give a worker on the servers of *stage*, or in another *sandbox*."""
    with running_worker(sandbox or stage.sandbox, stage.folder, _WORKER, name) as worker:
        yield ProcessTree((worker.process.pid,))


@contextmanager
def other_sandbox(servers: Servers) -> Iterator[Sandbox]:
    """Give a sandbox that may be left in any state."""
    with new_sandbox(servers, definitions(topology())) as sandbox:
        yield sandbox
