"""`docs/comparison.md` says what was measured, and nothing else; its peers have the packages that we have."""

import re
from dataclasses import replace
from pathlib import Path

from benchmarks.comparison import page
from benchmarks.comparison.results import Check, Results
from benchmarks.comparison.scenarios import (
    BCRYPT,
    CELERY,
    CLIENT,
    ECHO,
    FASTAPI,
    FASTSTREAM,
    FASTSTREAM_CLIENT,
    FASTSTREAM_ECHO,
    HAND_WRITTEN,
    HAND_WRITTEN_UVLOOP,
    MONGODB,
    NAMEKO,
    OURS,
)
from tests.documents import ROOT

RESULTS = Results.read(page.RESULTS)
SYSTEMS = {
    BCRYPT,
    CELERY,
    CLIENT,
    ECHO,
    FASTAPI,
    FASTSTREAM,
    FASTSTREAM_CLIENT,
    FASTSTREAM_ECHO,
    HAND_WRITTEN,
    HAND_WRITTEN_UVLOOP,
    MONGODB,
    NAMEKO,
    OURS,
}
_PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", re.MULTILINE)


def is_met(check: Check) -> bool:
    side, limit = check.target.rsplit(" ", 1)
    return check.value <= float(limit) if side == "at most" else check.value >= float(limit)


def pins(lock: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in _PIN.findall(lock.read_text(encoding="utf-8")):
        found.setdefault(name, set()).add(version)
    return found


def test_the_page_is_made_from_the_results() -> None:
    """`make docs` makes it again."""
    assert page.PAGE.read_text(encoding="utf-8") == page.markdown(RESULTS)


def test_another_figure_would_make_another_page() -> None:
    ours = RESULTS.systems[OURS]
    figures = ours["profile.get"]
    better = replace(figures, cpu_us=1.0)
    systems = {**RESULTS.systems, OURS: {**ours, "profile.get": better}}

    assert page.markdown(replace(RESULTS, systems=systems)) != page.markdown(RESULTS)


def test_a_target_is_met_by_its_value_alone() -> None:
    assert RESULTS.checks
    assert [each.name for each in RESULTS.checks if each.met != is_met(each)] == []


def test_whatever_is_missing_is_named() -> None:
    assert set(RESULTS.systems) | set(RESULTS.left_out) >= SYSTEMS


def test_every_plot_is_there() -> None:
    assert {each.stem for each in page.PLOTS.glob("*.png")} == {"cpu", "latency", *RESULTS.series}


def test_peers_have_the_versions_that_the_service_has() -> None:
    ours, theirs = pins(ROOT / "requirements.lock"), pins(ROOT / "benchmarks" / "requirements.lock")

    assert ours.keys() & theirs.keys() >= {"aio-pika", "faststream", "pymongo"}
    assert {name: theirs[name] for name in ours.keys() & theirs.keys() if theirs[name] != ours[name]} == {}
