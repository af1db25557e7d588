"""The page about the results, in Markdown: `make bench` and `make docs` write it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.comparison.results import Results
from benchmarks.comparison.tables import headings, rows

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "comparison.md"
PLOTS: Final = ROOT / "docs" / "plots"

_HEAD: Final = """\
<!-- Made from benchmarks/results.json by `make bench`. Do not edit. -->

# What it costs, beside what one would write instead

`make bench` runs each system in turn, in rounds, on the same servers, data and load, and writes this page.
Each figure is the median of the rounds. The others are in `benchmarks/peers/`, written as their documentation
teaches. None of them checks who asks, keeps a command from taking effect twice, publishes an event or
retries; the service does all of that.

- *CPU*: of the system's processes for one request, user and kernel, in µs.
- *Ratio*: of that to the hand-written `profile.get`.
- *MiB*: memory of the system's processes, each at its peak.
- *RabbitMQ*, *MongoDB*, *load*: CPU of these for one request, in µs.

64 requests are in flight where nothing else is said. Where all cores are busy, times mean little, and CPU
counts. The floors: an echo without a database, on aio-pika and on FastStream, a read without a broker, and
bcrypt alone. The two clients at the end ask a responder that always says the same.
"""


def markdown(results: Results) -> str:
    """Return the page."""
    parts = [_HEAD, _machine(results), _figures(results), _targets(results)]
    if results.left_out:
        parts.append(_left_out(results))
    return "\n".join([*parts, _plots(results)])


def _machine(results: Results) -> str:
    machine, rounds = results.machine, results.rounds
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    sentence = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"load average before the run {machine['load_average_before']}. "
        f"{rounds['rounds']:g} rounds of {rounds['seconds']:g} s. {versions}."
    )
    return "\n".join(_wrapped(sentence)) + "\n"


def _wrapped(sentence: str, width: int = 120) -> Iterator[str]:
    line = ""
    for word in sentence.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _figures(results: Results) -> str:
    return "## Figures\n\n" + _table(("", *headings()[2:]), _grouped(results))


def _grouped(results: Results) -> Iterator[tuple[str, ...]]:
    """Return the rows, with one before those of each system that names it."""
    last = ""
    for system, *row in rows(results):
        if system != last:
            yield (f"**{system}**", *("" for _ in row[1:]))
        last = system
        yield tuple(row)


def _targets(results: Results) -> str:
    checks = [
        (each.name, each.target, f"{each.value:g}", "met" if each.met else "**missed**")
        for each in results.checks
    ]
    return "## Targets\n\n" + _table(("what", "target", "measured", ""), checks)


def _left_out(results: Results) -> str:
    sentences = (f"- {name}: {why.splitlines()[0]}" for name, why in results.left_out.items())
    return "## Not measured\n\n" + "\n".join(sentences) + "\n"


def _table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    lines = [_row(head), _row("---" if number == 0 else "---:" for number, _ in enumerate(head))]
    return "\n".join([*lines, *map(_row, body)]) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def _plots(results: Results) -> str:
    names = {"cpu": "CPU for one request", "latency": "Time to a reply"}
    names |= {name: f"By {name.replace('_', ' ')}" for name in results.series}
    pictures = [f"![{title}](plots/{name}.png)" for name, title in names.items()]
    return "## Plots\n\n" + "\n\n".join(pictures) + "\n"


def write(results: Results) -> None:
    """Write the page."""
    PAGE.write_text(markdown(results), encoding="utf-8")


if __name__ == "__main__":
    write(Results.read(RESULTS))
