"""What a process that measures is told on standard input, and what it says on standard output."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

READY = "ready"


@dataclass(slots=True)
class Tally:
    """What came of the requests of one run.

    Attributes:
        latencies: Seconds from each request to its reply.
        wrong: How many replies were not what was expected.
        example: One of those.

    """

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    example: str = ""
    started: float = field(default_factory=time.perf_counter)

    def note(self, sent: float, *, good: bool, reply: bytes) -> None:
        """Note a reply to what was *sent* then."""
        self.latencies.append(time.perf_counter() - sent)
        if not good:
            self.wrong += 1
            self.example = reply[:500].decode(errors="replace")

    def summary(self) -> dict[str, Any]:
        """Return what is said about the run, once all replies are there."""
        seconds = time.perf_counter() - self.started
        latencies = sorted(self.latencies)
        return {
            "requests": len(latencies),
            "seconds": seconds,
            "p50_ms": _at(latencies, 0.50) * 1000,
            "p99_ms": _at(latencies, 0.99) * 1000,
            "wrong": self.wrong,
            "example": self.example,
        }


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def obey(run: Callable[[float, int], Awaitable[Tally]]) -> None:
    """Say that we are ready; then *run*, so long and with so many in flight as each line of input says."""
    print(READY, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        tally = await run(order["seconds"], order["in_flight"])
        print(json.dumps(tally.summary()), flush=True)
