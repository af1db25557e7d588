"""`make cluster`: three nodes of RabbitMQ, three members of MongoDB and several workers, up until Ctrl-C.

Whatever is killed is started again, so that one can watch what losing it does. Exit code: 0 when told to
stop, 1 when something did not start.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pymongo.errors import PyMongoError
from rich.console import Console

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.ending import ended_well
from tools.servers.members import Member
from tools.servers.processes import private_processes
from tools.servers.sandbox import Sandbox, sandbox
from tools.servers.server_cluster import ServerCluster, running_cluster
from tools.worker import Worker, WorkerFailed, environment, running_worker

# How long what was killed stays away.
_AWAY_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2
_PROFILECTL: Final = Path(sys.prefix, "bin", "profilectl")
SETTINGS: Final = {"QUERY_QUEUE_TYPE": "quorum"}


@dataclass(slots=True)
class Keeper:
    """Starts again what has ended.

    Attributes:
        ended: When each of those ended that are away, by name.

    """

    cluster: ServerCluster
    say: Callable[[str], None]
    ended: dict[str, float] = field(default_factory=dict)

    def keep_up(self, worker: Worker) -> None:
        """Look after all members until *worker* ends.

        Raises:
            WorkerFailed: It has ended, though it starts workers again by itself.

        """
        while (code := worker.process.poll()) is None:
            for member in self.cluster.members:
                self._look_after(member)
            time.sleep(_LOOK_SECONDS)  # between two looks
        raise WorkerFailed(f"The workers ended by themselves, with exit code {code}. Their log: {worker.log}")

    def _look_after(self, member: Member) -> None:
        if member.is_running():
            return
        if member.name not in self.ended:
            self.ended[member.name] = time.monotonic()
            self.say(f"{member.name} has ended. It is started again in {_AWAY_SECONDS:g} s.")
        elif time.monotonic() - self.ended[member.name] > _AWAY_SECONDS:
            del self.ended[member.name]
            member.start()
            self.say(f"{member.name} starts: kill -9 {member.pid}")


def guide(cluster: ServerCluster, box: Sandbox, worker: Worker, settings: Path) -> str:
    """Return where everything is, and what to try."""
    consoles = "\n           ".join(each.management_url for each in cluster.nodes)
    recipes = "\n".join(f"  kill -9 {each.pid:<8} # {each.name}" for each in cluster.members)
    node = cluster.rabbitmq[0]
    host = node.host
    link = f"ip -n {host.switch} link set {host.port}"
    cut = f"\n  {link} down; sleep 15; {link} up # {node.name} is cut off" if host.can_be_cut_off else ""
    return f"""
The workers answer.
  brokers  {box.gateway_url}
  consoles {consoles}
           (user guest, password guest)
  MongoDB  {box.mongo_url}
  Redis    {box.redis_url}
  log      {worker.log}

In another terminal, ask again and again:
  . {shlex.quote(str(settings))}
  while sleep 0.2; do {shlex.quote(str(_PROFILECTL))} call auth.keys '{{}}' | grep '"ok"'; done

Meanwhile lose what you like; what has ended is started again after {_AWAY_SECONDS:g} seconds:
{recipes}
  kill -9 $(pgrep -nP {worker.process.pid}) # a worker
  kill -STOP {node.pid}; sleep 15; kill -CONT {node.pid} # a node that hangs{cut}

Ctrl-C stops everything."""


def main() -> int:
    """Run until we are told to stop."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=2)
    workers = options.parse_args().workers
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with (
        private_processes() as processes,  # for its folder, which no end of ours leaves behind
        running_cluster(console.print) as cluster,
        suppress(PyMongoError),  # a member that is away at the end cannot be cleaned, and needs not be
        sandbox(cluster.servers, definitions(topology("quorum")), vhost="/") as box,
        running_worker(
            box,
            processes.folder,
            SETTINGS,
            module=("service.cli", "worker", "--workers", str(workers)),
        ) as worker,
    ):
        settings = processes.folder / "settings.sh"
        variables = {**environment(box, processes.folder / "keys"), **SETTINGS}
        settings.write_text("".join(f"export {name}={shlex.quote(it)}\n" for name, it in variables.items()))
        console.print(guide(cluster, box, worker, settings))
        Keeper(cluster, console.print).keep_up(worker)
    return 0


if __name__ == "__main__":
    sys.exit(ended_well(main, stopped=0))
