"""Measures, and writes down what came: `make bench`, or `python -m benchmarks.comparison`."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.comparison import data
from benchmarks.comparison.checks import ratio_checks
from benchmarks.comparison.figures import Figures
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.results import Results, our_versions, this_machine
from benchmarks.comparison.running import ROOT, Stage, measure
from benchmarks.comparison.scenarios import (
    FASTSTREAM,
    HAND_WRITTEN,
    HAND_WRITTEN_UVLOOP,
    IN_FLIGHT,
    OURS,
    Scenario,
    scenarios,
    systems,
)
from benchmarks.comparison.tables import terminal_checks, terminal_table
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.servers import running_servers
from tools.servers.processes import free_port, private_processes
from tools.servers.sandbox import GATEWAY
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import running_worker

COMMITTED: Final = ROOT / "benchmarks" / "results.json"
# A quick or partial run leaves what is committed alone.
PARTIAL: Final = ROOT / "build" / "bench" / "results.json"
# Of the table, where no terminal says how wide it is.
_WIDTH: Final = 120
_QUICK: Final = {"rounds": 2, "seconds": 1.5}
_WHOLE: Final = {"rounds": 10, "seconds": 3.0}
_WORKER: Final = {
    "TRUSTED_SERVICES": json.dumps({GATEWAY: ["profile.get", "profile.update"]}),
    # Longer than any run.
    "ACCESS_TOKEN_SECONDS": "7200",
    "BCRYPT_COST": "12",
    "LOG_LEVEL": "INFO",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write down, and print; the exit code says nothing about targets."""
    options = _options(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    machine, rounds = this_machine(), _QUICK if options.quick else _WHOLE
    with _stage(Path(options.venv).absolute() / "bin", console) as (stage, trees, chosen):
        wanted = [each for each in chosen if _is_wanted(each, options.only)]
        for system in systems(stage.port, str(stage.folder / "nameko.yaml")):
            if any(each.system == system.name for each in wanted):
                console.print(f"Starting {system.name}")
                trees[system.name] = stage.start(system)
        measured = _measure(stage, trees, wanted, rounds, console)
    results = Results(machine, our_versions({}, {}), rounds, measured, ratio_checks(measured))
    results.write(PARTIAL if options.quick or options.only else COMMITTED)
    console.print(terminal_table(results), terminal_checks(results.checks))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds: to see where one is")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="what has NAME in `system: operation`"
    )
    parser.add_argument("--venv", default=".venv-bench", help="the environment of peers and load generator")
    return parser.parse_args(arguments)


def _is_wanted(scenario: Scenario, only: Sequence[str]) -> bool:
    return not only or any(each in f"{scenario.system}: {scenario.operation}" for each in only)


@contextmanager
def _stage(
    programs: Path, console: Console
) -> Iterator[tuple[Stage, dict[str, ProcessTree | None], list[Scenario]]]:
    """Give servers, our worker at work, and data; none of the peers runs yet."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="profile-bench-")))
        servers = cleanup.enter_context(running_servers(console.print))
        sandbox = cleanup.enter_context(new_sandbox(servers, definitions(topology())))
        worker = cleanup.enter_context(running_worker(sandbox, folder, _WORKER))
        processes = cleanup.enter_context(private_processes())
        stage = Stage(programs, folder, sandbox, processes, free_port())
        config = {"AMQP_URI": sandbox.admin_url, "max_workers": IN_FLIGHT}
        (folder / "nameko.yaml").write_text(json.dumps(config))
        updaters = [OURS, HAND_WRITTEN, HAND_WRITTEN_UVLOOP, FASTSTREAM]
        stored = asyncio.run(data.store(sandbox, updaters))
        yield stage, {OURS: ProcessTree(worker.process.pid)}, scenarios(sandbox, stored, stage.port)


def _measure(
    stage: Stage,
    trees: dict[str, ProcessTree | None],
    wanted: Sequence[Scenario],
    rounds: dict[str, float],
    console: Console,
) -> dict[str, dict[str, Figures]]:
    """Measure everything once in each round, so that what else the machine does meets all alike."""
    slots: defaultdict[int, list[Figures]] = defaultdict(list)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=int(rounds["rounds"]) * len(wanted))
        for _ in range(int(rounds["rounds"])):
            for number, each in enumerate(wanted):
                bar.update(task, description=f"{each.system}: {each.operation}")
                slots[number].append(measure(stage, each, trees.get(each.system), rounds["seconds"]))
                bar.advance(task)
    measured: defaultdict[str, dict[str, Figures]] = defaultdict(dict)
    for number, each in enumerate(wanted):
        measured[each.system][each.operation] = Figures.medians(slots[number])
    return dict(measured)


if __name__ == "__main__":
    sys.exit(main())
