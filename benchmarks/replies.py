"""What do replies cost, direct or by a queue? `python -m benchmarks.replies [--cluster]`.

A client in Python asks a worker for `auth.keys`, which needs no database, with some calls in flight all the
time. Both ways take turns, each round with a new client; the medians are shown. With `--cluster`, there are
three nodes of RabbitMQ, and queues for queries are quorum queues; the client is on the first node.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.comparison.processes import ProcessTree, descendants
from benchmarks.comparison.running import Load, load_process
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.pkg.broker_urls import broker_urls
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.servers.server_cluster import running_cluster
from tools.worker import running_worker

_WAYS: Final = ("direct", "queue")
_IN_FLIGHT: Final = (1, 64)
_WARM_UP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Round:
    """Figures of one round: CPU in microseconds a call, times in milliseconds."""

    client: float
    worker: float
    broker: float
    p50: float
    p99: float
    calls_per_second: float


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the rounds run."""

    sandbox: Sandbox
    worker: ProcessTree
    brokers: ProcessTree
    folder: Path

    def round(self, way: str, seconds: float, in_flight: int) -> Round:
        """Let a client ask for so many *seconds*."""
        with self._client(way) as load:
            load.run(_WARM_UP_SECONDS, in_flight)
            trees = (ProcessTree((load.process.pid,)), self.worker, self.brokers)
            before = [each.cpu_seconds() for each in trees]
            result = load.run(seconds, in_flight)
            used = [each.cpu_seconds() - was for each, was in zip(trees, before, strict=True)]
        client, worker, broker = (each * 1e6 / result["requests"] for each in used)
        rate = result["requests"] / result["seconds"]
        return Round(client, worker, broker, result["p50_ms"], result["p99_ms"], rate)

    @contextmanager
    def _client(self, way: str) -> Iterator[Load]:
        plan, log = self.folder / "plan.json", self.folder / "client.log"
        url = broker_urls(self.sandbox.gateway_url)[0]
        plan.write_text(json.dumps({"url": url, "replies": way}))
        command = (sys.executable, "-m", "benchmarks.clients.ours", plan)
        with load_process(command, log, env=os.environ) as load:
            yield load


@contextmanager
def _setting(*, cluster: bool, console: Console) -> Iterator[Setting]:
    with (
        tempfile.TemporaryDirectory(prefix="profile-bench-") as folder,
        _box(cluster=cluster, console=console) as box,
        running_worker(box, Path(folder), {"QUERY_QUEUE_TYPE": "quorum" if cluster else "classic"}) as worker,
    ):
        yield Setting(box, ProcessTree((worker.process.pid,)), _brokers(), Path(folder))


@contextmanager
def _box(*, cluster: bool, console: Console) -> Iterator[Sandbox]:
    if cluster:
        with (
            running_cluster(console.print) as servers,
            new_sandbox(servers.servers, definitions(topology("quorum")), vhost="/") as box,
        ):
            yield box
    else:
        with running_servers(console.print) as one, new_sandbox(one, definitions(topology())) as box:
            yield box


def _brokers() -> ProcessTree:
    """Return the nodes of RabbitMQ, which have to be ours."""
    if nodes := descendants("beam.smp"):
        return nodes
    sys.exit("The broker has to be a process of this machine's, started here.")


def _shown(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}"  # noqa: PLR2004 - three digits


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cluster", action="store_true", help="three nodes of RabbitMQ instead of one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round")
    options = parser.parse_args()
    console = Console(highlight=False)
    rounds = defaultdict[tuple[int, str], list[Round]](list)
    with _setting(cluster=options.cluster, console=console) as setting:
        for _ in range(options.rounds):
            for in_flight in _IN_FLIGHT:
                for way in _WAYS:
                    rounds[in_flight, way].append(setting.round(way, options.seconds, in_flight))
    columns = ("client us", "worker us", "broker us", "p50 ms", "p99 ms", "calls/s")
    nodes = "three nodes" if options.cluster else "one node"
    table = Table("in flight", "replies", *columns, title=f"{nodes}, {os.cpu_count()} cores")
    for (in_flight, way), found in sorted(rounds.items()):
        figures = (median(column) for column in zip(*map(astuple, found), strict=True))
        table.add_row(str(in_flight), way, *(_shown(each) for each in figures))
    console.print(table)


if __name__ == "__main__":
    main()
