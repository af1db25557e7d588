"""Starts servers, our worker and the peers, and measures them in turns."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.comparison.figures import Figures
from benchmarks.comparison.processes import ProcessTree, descendants
from benchmarks.comparison.scenarios import Scenario, System
from tools.servers.logs import end_of
from tools.servers.processes import Processes
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
Report = Callable[[str], None]
_START_SECONDS: Final = 60.0
_WARM_UP_SECONDS: Final = 0.3


class PeerFailed(RuntimeError):
    """A system did not start, or did not answer as it should; the message quotes it."""


@dataclass(frozen=True, slots=True)
class Load:
    """A process that sends requests whenever it is told to, or that is load and system in one."""

    process: subprocess.Popen[str]
    log: Path

    def run(self, seconds: float, in_flight: int) -> dict[str, Any]:
        """Return what came of so many seconds of load."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.process.stdin.write(json.dumps({"seconds": seconds, "in_flight": in_flight}) + "\n")
        self.process.stdin.flush()
        result: dict[str, Any] = json.loads(self.line())
        if result["wrong"]:
            msg = (
                f"{result['wrong']} of {result['requests']} replies were wrong, such as: {result['example']}"
            )
            raise PeerFailed(msg)
        return result

    def line(self) -> str:
        """Return the next line that it says.

        Raises:
            PeerFailed: It has ended.

        """
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        if line := self.process.stdout.readline():
            return line
        msg = f"The load ended. {end_of(self.log)}"
        raise PeerFailed(msg)


@contextmanager
def load_process(command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> Iterator[Load]:
    """Start a process that asks, and give it once it is ready; it ends with the block."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=env,
        ) as process,
    ):
        try:
            load = Load(process, log)
            load.line()
            yield load
        finally:
            process.kill()  # it has said all that it had to


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything runs.

    Attributes:
        programs: The folder of programs of the benchmark's environment.
        folder: For logs and plans.
        port: Where the peer that speaks HTTP listens.
        servers: Their processes, as far as they are ours.

    """

    programs: Path
    folder: Path
    sandbox: Sandbox
    processes: Processes
    port: int
    report: Report
    _numbers: Iterator[int] = field(default_factory=count)
    servers: Mapping[str, ProcessTree | None] = field(
        default_factory=lambda: {
            "broker": descendants("beam.smp"),
            "mongodb": descendants("mongod"),
            "redis": descendants("redis-server"),
        }
    )

    def start(self, system: System) -> ProcessTree:
        """Start a peer, and wait until it takes requests.

        Raises:
            PeerFailed: It ended, or was not ready in time.

        """
        self.report(f"Starting {system.name}")
        log = self.folder / f"{system.command[-1].replace('/', '-')}-{len(self.processes.children)}.log"
        program, *arguments = system.command
        command = [str(self.programs / program), *arguments]
        child = self.processes.launch(
            system.name, command, log, {**self._environment(), **system.variables}, ROOT
        )

        def is_ready() -> bool:
            if child.process.poll() is not None:
                msg = f"{system.name} ended at once. {end_of(log)}"
                raise PeerFailed(msg)
            return system.ready in log.read_text(errors="replace")

        try:
            wait_until(is_ready, within=_START_SECONDS)
        except TimeoutError as late:
            msg = f"{system.name} was not ready: {late}. {end_of(log)}"
            raise PeerFailed(msg) from late
        return ProcessTree((child.process.pid,))

    @contextmanager
    def load(self, scenario: Scenario) -> Iterator[Load]:
        """Give a process with the plan of *scenario*; it ends when its input ends, and so with us."""
        name = f"load-{next(self._numbers)}"
        plan, log = self.folder / f"{name}.json", self.folder / f"{name}.log"
        plan.write_text(json.dumps(scenario.plan))
        command = (self.programs / "python", "-m", scenario.own_load or "benchmarks.load", plan)
        with load_process(command, log, env=self._environment()) as load:
            yield load

    def _environment(self) -> dict[str, str]:
        # Of the two distributions of this repository, clients need the contracts, and nobody the service.
        urls = {
            "PYTHONPATH": str(ROOT / "contracts"),
            "AMQP_URL": self.sandbox.admin_url,
            "MONGO_URL": self.sandbox.mongo_url,
        }
        return {**os.environ, **urls, "PYTHONUNBUFFERED": "1"}


def measure(stage: Stage, scenario: Scenario, system: ProcessTree | None, seconds: float) -> Figures:
    """Measure one slot: load for so many seconds, after a moment to warm up."""
    with stage.load(scenario) as load, _flooded(stage, scenario.beside, seconds + 2 * _WARM_UP_SECONDS):
        load.run(_WARM_UP_SECONDS, scenario.in_flight)
        itself = ProcessTree((load.process.pid,))
        watched = {"system": system or itself, "load": itself if system else None, **stage.servers}
        before = _cpu(watched)
        result = load.run(seconds * scenario.weight, scenario.in_flight)
        after = _cpu(watched)
        requests = result["requests"]
        spent = {
            name: (after[name] - before[name]) * 1_000_000 / requests if tree else None
            for name, tree in watched.items()
        }
        return Figures(
            cpu_us=None if scenario.beside else spent["system"],
            rps=requests / result["seconds"],
            p50_ms=result["p50_ms"],
            p99_ms=result["p99_ms"],
            rss_mb=(system or itself).peak_rss_mb(),
            broker_cpu_us=spent["broker"],
            mongodb_cpu_us=spent["mongodb"],
            redis_cpu_us=spent["redis"],
            load_cpu_us=spent["load"],
            requests=requests,
        )


@contextmanager
def _flooded(stage: Stage, beside: Scenario | None, seconds: float) -> Iterator[None]:
    """Ask for something else for so long, all through the block; raise what went wrong with it."""
    if beside is None:
        yield
        return
    with stage.load(beside) as load, ThreadPoolExecutor(1) as pool:
        flood = pool.submit(load.run, seconds, beside.in_flight)
        yield
        flood.result()


def _cpu(watched: Mapping[str, ProcessTree | None]) -> dict[str, float]:
    return {name: tree.cpu_seconds() if tree else 0.0 for name, tree in watched.items()}
