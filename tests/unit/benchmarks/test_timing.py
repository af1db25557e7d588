"""What `make timing` makes of times."""

import io
import random

import pytest
from rich.console import Console

from benchmarks.timing import are_alike, auc, farthest, widest

CONSOLE = Console(file=io.StringIO())


def test_an_auc_counts_who_took_longer_and_ties_by_half() -> None:
    assert auc([1.0, 3.0], [2.0]) == 0.5
    assert auc([2.0], [2.0]) == 0.5
    assert auc([3.0, 4.0], [1.0, 2.0]) == 1


def test_few_tries_may_be_further_from_chance_than_many_but_none_further_than_a_tenth() -> None:
    assert farthest(10) == 0.1
    assert farthest(400) == pytest.approx(0.0797, abs=1e-4)
    assert farthest(1600) == pytest.approx(farthest(400) / 2, rel=0.01)


def test_medians_are_compared_with_the_smallest() -> None:
    assert widest({"a": [1.0], "b": [1.0, 2.0, 3.0], "c": [1.5]}) == 1


@pytest.mark.parametrize(("later", "alike"), [(0.0, True), (0.5, False)])
def test_times_of_one_distribution_are_alike_and_of_two_they_are_not(later: float, *, alike: bool) -> None:
    chance = random.Random(7)  # noqa: S311 - that each run has the same
    times = [[chance.gauss(10, 1) for _ in range(400)] for _ in range(2)]
    cohorts = {"known": times[0], "unknown": [each + later for each in times[1]]}

    assert are_alike(CONSOLE, "login", cohorts) is alike
    assert are_alike(CONSOLE, "login", cohorts, 0.04) is alike
    assert not are_alike(CONSOLE, "login", cohorts, -1.0)
