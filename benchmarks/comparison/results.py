"""What a run leaves: `results.json`."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.comparison.figures import Figures

_CPUINFO: Final = Path("/proc/cpuinfo")

Systems = Mapping[str, Mapping[str, Figures]]
Series = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Check:
    """A target, and whether it was met.

    Attributes:
        target: The limit, and on which side of it is good, such as `at most 0.85`.
        value: What was measured, in the unit of the target.

    """

    name: str
    target: str
    value: float
    met: bool


@dataclass(frozen=True, slots=True)
class Results:
    """A run.

    Attributes:
        machine: Processor, cores, system, and how busy it was before the run.
        versions: Of servers, of Python and of packages.
        rounds: How many rounds each figure is the median of, and how many seconds each took.
        left_out: What could not be measured, and why.
        series: By what was varied, the points: its value, the system, and figures.

    """

    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    rounds: Mapping[str, float]
    systems: Systems
    checks: Sequence[Check]
    series: Series = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write it down as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what was written."""
        found = json.loads(path.read_text(encoding="utf-8"))
        systems = {
            system: {operation: Figures(**figures) for operation, figures in operations.items()}
            for system, operations in found["systems"].items()
        }
        return cls(**{**found, "systems": systems, "checks": [Check(**each) for each in found["checks"]]})


def this_machine() -> dict[str, Any]:
    """Return what the figures depend on, beside the programs."""
    models = [line for line in _CPUINFO.read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "load_average_before": round(os.getloadavg()[0], 2),
    }
