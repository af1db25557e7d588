"""Measures, and writes down what came: `make bench`, or `python -m benchmarks.comparison`."""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.comparison import page, scale
from benchmarks.comparison.backlog import backlog_check
from benchmarks.comparison.checks import ratio_checks
from benchmarks.comparison.data import grow
from benchmarks.comparison.figures import Figures
from benchmarks.comparison.isolation import idle_check, posts_fan_out, sessions_fan_out
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.results import Check, Results, Systems, this_machine
from benchmarks.comparison.running import PeerFailed, Stage, measure
from benchmarks.comparison.scenarios import (
    CLIENT,
    FASTSTREAM_CLIENT,
    OURS,
    RESPONDER,
    Scenario,
    reads,
    scenarios,
    systems,
)
from benchmarks.comparison.stage import NAMEKO, Scenery, one_more_worker, other_sandbox, scenery
from benchmarks.comparison.tables import terminal_checks, terminal_table
from benchmarks.comparison.versions import all_versions

# A quick or partial run leaves what is committed alone.
_PARTIAL: Final = page.ROOT / "build" / "bench" / "results.json"
# Of the table, where no terminal says how wide it is.
_WIDTH: Final = 120


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, how long each slot is, and how long an idle worker is looked at, in seconds."""

    rounds: int
    seconds: float
    idle_seconds: float


_QUICK: Final = Pace(rounds=2, seconds=0.8, idle_seconds=3.0)
_WHOLE: Final = Pace(rounds=7, seconds=2.0, idle_seconds=20.0)
Trees = dict[str, ProcessTree]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What could not be measured, and why: the rest is measured all the same."""

    why: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def unless_it_works(self, name: str) -> Iterator[None]:
        """Note why *name* could not be measured, if that is so."""
        try:
            yield
        except (PeerFailed, TimeoutError) as failure:
            self.why[name] = str(failure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write down, and print; the exit code says nothing about targets."""
    options = _options(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    is_whole = not (options.quick or options.only)
    pace = _QUICK if options.quick else replace(_WHOLE, rounds=options.rounds)
    results = _run(options, console, pace, is_whole=is_whole)
    path = page.RESULTS if is_whole else _PARTIAL
    results.write(path)
    if is_whole:
        page.write(results)
        plots: list[str | Path] = [_programs(options) / "python", "-m", "benchmarks.plots"]
        subprocess.run([*plots, page.RESULTS, page.PLOTS], check=True, cwd=page.ROOT)
    console.print(terminal_table(results), terminal_checks(results.checks))
    for name, why in results.left_out.items():
        console.print(f"Not measured: {name}. {why}", markup=False)
    console.print(f"All of it: {path.relative_to(page.ROOT)}")
    return 0


def _run(options: argparse.Namespace, console: Console, pace: Pace, *, is_whole: bool) -> Results:
    machine, left_out = this_machine(), LeftOut()
    with scenery(_programs(options), console.print) as there:
        chosen = scenarios(there.stage.sandbox, there.no_worker, there.data, there.stage.port)
        wanted = [each for each in chosen if _is_wanted(each, options.only)]
        idle = [] if options.only else [idle_check(there.worker, pace.idle_seconds)]
        names = {each.system for each in wanted}
        if names & {CLIENT, FASTSTREAM_CLIENT}:
            names.add(RESPONDER)
        trees = _started(there, names, left_out)
        kept = [each for each in wanted if each.system not in left_out.why]
        measured = _measured(there.stage, trees, kept, pace, console)
        series = _series(there, trees, pace) if is_whole else {}
        others = _at_scale(there, left_out) if is_whole else []
        versions = all_versions(there.stage.sandbox, _programs(options))
    scales = [scale.flatness(series["profiles"]), scale.scaling(series["workers"])] if series else []
    rounds = {"rounds": pace.rounds, "seconds": pace.seconds}
    checks = [*ratio_checks(measured), *idle, *scales, *others]
    return Results(machine, versions, rounds, measured, checks, series, left_out.why)


def _programs(options: argparse.Namespace) -> Path:
    return Path(options.venv).absolute() / "bin"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds: to see where one is")
    parser.add_argument("--rounds", type=int, default=_WHOLE.rounds, help="of a whole run")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="what has NAME in `system: operation`"
    )
    parser.add_argument("--venv", default=".venv-bench", help="the environment of peers and load generator")
    return parser.parse_args(arguments)


def _is_wanted(scenario: Scenario, only: Sequence[str]) -> bool:
    return not only or any(each in f"{scenario.system}: {scenario.operation}" for each in only)


def _started(there: Scenery, names: set[str], left_out: LeftOut) -> Trees:
    """Start the peers of these names; they stay up while others are measured."""
    stage = there.stage
    trees = {OURS: there.worker}
    for each in systems(stage.port, str(stage.folder / NAMEKO), there.no_worker):
        if each.name in names:
            with left_out.unless_it_works(each.name):
                trees[each.name] = stage.start(each)
    return trees


def _measured(
    stage: Stage, trees: Trees, wanted: Sequence[Scenario], pace: Pace, console: Console
) -> Systems:
    """Measure everything once in each round, so that what else the machine does meets all alike."""
    slots: defaultdict[tuple[str, str], list[Figures]] = defaultdict(list)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=pace.rounds * len(wanted))
        for each in [*wanted] * pace.rounds:
            bar.update(task, description=f"{each.system}: {each.operation}")
            figures = measure(stage, each, trees.get(each.system), pace.seconds)
            slots[each.system, each.operation].append(figures)
            bar.advance(task)
    measured: defaultdict[str, dict[str, Figures]] = defaultdict(dict)
    for (system, operation), rounds in slots.items():
        measured[system][operation] = Figures.medians(rounds)
    return dict(measured)


def _series(there: Scenery, trees: Trees, pace: Pace) -> Mapping[str, Sequence[scale.Point]]:
    """Measure reads with more in flight, by more workers, and among more profiles."""
    stage = there.stage
    gets = reads(stage.sandbox, there.data.profiles)
    stage.report("Measuring with 1 to 1,000 requests in flight")
    in_flight = list(scale.by_in_flight(stage, trees, gets, pace.seconds))
    stage.report("Measuring with 2 workers")
    with one_more_worker(stage, "second") as second:
        both = ProcessTree((*there.worker.roots, *second.roots))
        two = scale.with_workers(stage, both, gets[0], pace.seconds)
    one = scale.with_workers(stage, there.worker, gets[0], pace.seconds)
    stage.report(f"Measuring among up to {scale.PROFILES[-1]:,} profiles")
    profiles = list(scale.by_profiles(stage, trees, lambda ids: reads(stage.sandbox, ids), pace.seconds))
    return {"in_flight": in_flight, "workers": [one, two], "profiles": profiles}


def _at_scale(there: Scenery, left_out: LeftOut) -> list[Check]:
    """Measure what very many sessions, posts and commands do to others, and to a worker."""
    stage, data = there.stage, there.data
    others = data.updated_by(OURS)
    checks: list[Check] = []
    stage.report("Ending very many sessions beside the commands of others")
    with left_out.unless_it_works("commands beside the end of very many sessions"):
        checks += sessions_fan_out(stage, data.users[-1], others)
    stage.report("Deleting very many posts beside the commands of others")
    with left_out.unless_it_works("commands beside the deletion of very many posts"):
        checks += posts_fan_out(stage, data.users[-2], others)
    stage.report("Putting very many commands in front of a worker")
    with left_out.unless_it_works("memory in front of a backlog"):
        checks.append(_in_front_of_a_backlog(there))
    return checks


def _in_front_of_a_backlog(there: Scenery) -> Check:
    with other_sandbox(there.servers) as sandbox, one_more_worker(there.stage, "backlog", sandbox) as worker:
        _, profiles = grow(sandbox.mongo_url, 1000)
        return backlog_check(sandbox, worker, profiles)


if __name__ == "__main__":
    sys.exit(main())
