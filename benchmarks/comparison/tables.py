"""The table and the checks, as Markdown and for a terminal."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.table import Table

from benchmarks.comparison.figures import Figures
from benchmarks.comparison.results import Check, Results
from benchmarks.comparison.scenarios import HAND_WRITTEN

_COLUMNS: Final[Sequence[tuple[str, Callable[[Figures], str]]]] = (
    ("CPU µs", lambda each: _optional(each.cpu_us)),
    ("per s", lambda each: f"{each.rps:,.0f}" if each.rps >= 100 else f"{each.rps:.1f}"),  # noqa: PLR2004
    ("p50 ms", lambda each: f"{each.p50_ms:.1f}"),
    ("p99 ms", lambda each: f"{each.p99_ms:.1f}"),
    ("MiB", lambda each: f"{each.rss_mb:.0f}"),
    ("RabbitMQ µs", lambda each: _optional(each.broker_cpu_us)),
    ("MongoDB µs", lambda each: _optional(each.mongodb_cpu_us)),
    ("load µs", lambda each: _optional(each.load_cpu_us)),
)


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def rows(results: Results) -> Iterator[tuple[str, ...]]:
    """Return a row for each operation of each system, with its ratio to the hand-written `profile.get`."""
    unit = results.systems.get(HAND_WRITTEN, {}).get("profile.get")
    for system, operations in results.systems.items():
        for operation, figures in operations.items():
            ratio = f"{figures.cpu_us / unit.cpu_us:.2f}" if figures.cpu_us and unit and unit.cpu_us else ""
            yield (system, operation, ratio, *(show(figures) for _, show in _COLUMNS))


def headings() -> tuple[str, ...]:
    """Return what stands above the rows."""
    return ("system", "operation", "ratio", *(heading for heading, _ in _COLUMNS))


def terminal_table(results: Results) -> Table:
    """Return the rows for a terminal."""
    table = Table(title="CPU of the system's processes per request, and what else it takes")
    table.add_column("", no_wrap=True)
    for heading in headings()[2:]:
        table.add_column(heading, justify="right")
    system = ""
    for name, *row in rows(results):
        if name != system:
            table.add_row(f"[bold]{name}")
        system = name
        table.add_row(f"  {row[0]}", *row[1:])
    return table


def terminal_checks(checks: Sequence[Check]) -> Table:
    """Return the checks for a terminal."""
    table = Table("check", "target", "measured", "", title="Targets")
    for each in checks:
        table.add_row(each.name, each.target, f"{each.value:g}", "met" if each.met else "MISSED")
    return table
