"""`docs/capacity.md` says what follows from what was measured."""

import pytest

from benchmarks import capacity
from benchmarks.comparison.page import RESULTS
from benchmarks.comparison.results import Results

ONE_EACH = {
    load.scenario: {"cpu_us": 1_000.0, "broker_cpu_us": 100.0, "mongodb_cpu_us": 10.0}
    for load in capacity.DAY
}


def test_the_page_is_what_the_arithmetic_says() -> None:
    """Write it anew with `make docs`."""
    assert capacity.PAGE.read_text(encoding="utf-8") == capacity.markdown(Results.read(RESULTS))


def test_cores_are_rate_times_cost_over_what_a_core_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    load = capacity.Load("x", capacity.DAY[0].scenario, 86.4, is_query=True)
    monkeypatch.setattr(capacity, "DAY", (load,))

    need = capacity.cores(100_000, ONE_EACH)

    # 20,000 users, 0.001 requests a second each, at three times the mean.
    assert need.requests == pytest.approx(60)
    assert need.workers == pytest.approx(60 * 1_000e-6 / 0.6)
    assert need.broker == pytest.approx(60 * 100e-6 * 2 / 0.6)
    assert need.primary == pytest.approx(60 * 10e-6 / 0.6)


def test_ten_times_the_users_take_ten_times_the_cores() -> None:
    few, many = (capacity.cores(users, ONE_EACH) for users in (1_000, 10_000))

    assert many.workers == pytest.approx(10 * few.workers)
