"""How much do hostile messages slow the good ones down that are sent among them? `make hostile`.

The same good requests, in rounds: once among as many hostile messages, and once among as many good ones of
somebody else, because any message costs the worker something, and those that are hostile only in a property
are served like any other. All go to one queue at once. What counts is when the last of the good ones is
answered. A good request may have no less than half the rate that it has among good ones.

The second figure is the CPU time that the worker spends on a hostile message, beside that for a good one: it
tells more on a machine that does other things as well.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.faults.hostile import KINDS, Kind
from tests.faults.load_generators import QUEUES, LoadGenerator, load_generator_on
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tools.servers import running_servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.worker import Worker, running_worker

_ROUNDS: Final = int(os.environ.get("ROUNDS", "5"))
_MESSAGES: Final = 100  # good ones in each pass, and as many others
_BESIDE: Final = 4  # passes with hostile messages to each without
_LEAST: Final = 0.5
_TICKS: Final = os.sysconf("SC_CLK_TCK")
# A worker that does less than this in a while has nothing in hand; sweeps and heartbeats go on.
_IDLE_SECONDS, _BUSY = 0.05, 0.02


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass took, in seconds."""

    until_answered: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the rounds of one kind on one queue came to.

    Attributes:
        rates: Of good requests, as a part of their rate among good ones.
        costs: Of hostile messages, in good ones.

    """

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def add(self, hostile: Pass, good: Pass) -> None:
        """Add a round."""
        self.rates.append(good.until_answered / hostile.until_answered)
        # Half of a pass is good messages, and so is all of the other one.
        self.costs.append(2 * hostile.cpu / good.cpu - 1)


@dataclass(frozen=True, slots=True)
class Bench:
    """One worker, and those who send to it."""

    worker: Worker
    load_generator: LoadGenerator

    async def measure(self, queue: str, kind: Kind | None) -> Pass:
        """Send good requests, each after a message of *kind* or, without, one more good one."""
        self.load_generator.service.replies.clear()
        cpu, started = self._cpu_seconds(), time.perf_counter()
        others, good = [], []
        for _ in range(_MESSAGES):
            another = self.load_generator.harm(queue, kind) if kind else self.load_generator.ask(queue)
            others.append(asyncio.create_task(another))
            good.append(asyncio.create_task(self.load_generator.ask(queue)))
        replies = await asyncio.gather(*good)
        seconds = time.perf_counter() - started
        if not all(reply["ok"] for reply in replies):
            raise RuntimeError(f"Good requests were refused: {replies}")
        await asyncio.gather(*others)
        await eventually(lambda: self._is_idle(queue), within=60)
        return Pass(seconds, self._cpu_seconds() - cpu)

    async def _is_idle(self, queue: str) -> bool:
        """Return whether all is done; not all of it is answered."""
        before = self._cpu_seconds()
        declared = await self.load_generator.service.channel.declare_queue(queue, passive=True)
        await asyncio.sleep(_IDLE_SECONDS)
        return not declared.declaration_result.message_count and self._cpu_seconds() - before < _BUSY

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.worker.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS  # utime and stime: proc(5)


async def run(sandbox: Sandbox, worker: Worker, kinds: dict[str, Kind]) -> dict[tuple[str, str], Figures]:
    """Return the figures of each kind on each queue."""
    found: dict[tuple[str, str], Figures] = {(name, queue): Figures() for name in kinds for queue in QUEUES}
    async with load_generator_on(sandbox) as load_generator:
        bench = Bench(worker, load_generator)
        for queue in QUEUES:
            await bench.measure(queue, None)  # to warm up
        for queue in QUEUES * _ROUNDS:
            names = random.sample(list(kinds), len(kinds))
            for start in range(0, len(names), _BESIDE):
                good = await bench.measure(queue, None)
                for name in names[start : start + _BESIDE]:
                    found[name, queue].add(await bench.measure(queue, kinds[name]), good)
    return found


def main() -> int:
    """Measure and print; return 1 if a kind takes more than half of the rate of good requests."""
    console = Console(highlight=False)
    kinds = {name: kind for name, kind in KINDS.items() if not sys.argv[1:] or name in sys.argv[1:]}
    with (
        tempfile.TemporaryDirectory(prefix="profile-hostile-") as folder,
        running_servers(console.print) as servers,
        new_sandbox(servers, definitions(topology())) as sandbox,
        running_worker(sandbox, Path(folder), settings_for(sandbox)) as worker,
    ):
        found = asyncio.run(run(sandbox, worker, kinds))
    table = Table("hostile message", "queue", "rate of good ones", "of rounds", "CPU, in good ones")
    for (name, queue), each in found.items():
        spread = f"{min(each.rates):.2f} to {max(each.rates):.2f}"
        table.add_row(name, queue, f"{median(each.rates):.2f}", spread, f"{median(each.costs):.2f}")
    worst = min(median(each.rates) for each in found.values())
    console.print(table, f"worst rate: {worst:.2f} of that among good ones (bound {_LEAST})", sep="\n")
    return 0 if worst >= _LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
