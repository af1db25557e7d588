"""The same request under other circumstances: more in flight, more workers, more profiles."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from benchmarks.comparison.checks import limited
from benchmarks.comparison.data import grow
from benchmarks.comparison.figures import Figures
from benchmarks.comparison.processes import ProcessTree
from benchmarks.comparison.results import Check
from benchmarks.comparison.running import Stage, measure
from benchmarks.comparison.scenarios import OURS, Scenario

IN_FLIGHT: Final = (1, 4, 16, 64, 250, 1000)
PROFILES: Final = (10_000, 100_000, 1_000_000)
_ROUNDS: Final = 3
_FLAT: Final = 1.15
_SCALES: Final = 1.1
_KEPT: Final = ("cpu_us", "rps", "p50_ms", "p99_ms", "rss_mb")

Point = dict[str, Any]
Trees = Mapping[str, ProcessTree]
# From the ids of profiles to what reads them.
Reads = Callable[[Sequence[str]], Sequence[Scenario]]


def by_in_flight(stage: Stage, trees: Trees, gets: Sequence[Scenario], seconds: float) -> Iterator[Point]:
    """Give a point for each number of requests in flight and each system."""
    for in_flight in IN_FLIGHT:
        for each in gets:
            figures = measure(stage, replace(each, in_flight=in_flight), trees[each.system], seconds)
            yield _point(each.system, figures, in_flight=in_flight)


def by_profiles(stage: Stage, trees: Trees, reads: Reads, seconds: float) -> Iterator[Point]:
    """Give a point for each number of stored profiles and each system, the median of some rounds."""
    for number in (0, *PROFILES):
        stored, ids = grow(stage.sandbox.mongo_url, number)
        gets = reads(ids)
        rounds = [
            [measure(stage, each, trees[each.system], seconds) for each in gets] for _ in range(_ROUNDS)
        ]
        for each, figures in zip(gets, zip(*rounds, strict=True), strict=True):
            yield _point(each.system, Figures.medians(figures), profiles=stored)


def flatness(points: Sequence[Point]) -> Check:
    """Return how much dearer our reads are among the most profiles than among the fewest."""
    ours = [each for each in points if each["system"] == OURS]
    few, many = (pick(ours, key=lambda each: each["profiles"]) for pick in (min, max))
    name = f"CPU of profile.get among {many['profiles']:,} profiles, of among {few['profiles']:,}"
    return limited(name, round(many["cpu_us"] / few["cpu_us"], 3), _FLAT)


def with_workers(stage: Stage, workers: ProcessTree, get: Scenario, seconds: float) -> Point:
    """Return a point for as many workers as there are, each with as much in flight as one alone has."""
    count = len(workers.roots)
    load = replace(get, in_flight=count * get.in_flight)
    rounds = [measure(stage, load, workers, seconds) for _ in range(_ROUNDS)]
    return _point(OURS, Figures.medians(rounds), workers=count)


def scaling(points: Sequence[Point]) -> Check:
    """Return how much dearer a read is for the most workers than for one, each with as much in flight."""
    few, many = (pick(points, key=lambda each: each["workers"]) for pick in (min, max))
    name = f"CPU of profile.get of {many['workers']} workers, of {few['workers']}"
    return limited(name, round(many["cpu_us"] / few["cpu_us"], 3), _SCALES)


def _point(system: str, figures: Figures, **varied: int) -> Point:
    values = asdict(figures)
    return {"system": system, **varied, **{name: round(values[name], 3) for name in _KEPT}}
