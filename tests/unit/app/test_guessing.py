"""The simulation of guessing, held to its bounds, and to the table that SECURITY.md shows of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.guessing import Scene, scenes, table
from service.app.auth.budgets import Budgets

SECURITY = Path(__file__).parents[3] / "SECURITY.md"


@pytest.fixture(scope="module")
def found() -> list[Scene]:
    return scenes()


def test_the_table_of_the_documentation_is_what_the_simulation_prints(found: list[Scene]) -> None:
    assert table(found) in SECURITY.read_text(), "run `make guessing` and copy the table"


def test_a_guesser_gets_what_the_budget_says(found: list[Scene]) -> None:
    account = Budgets().account
    most = account.burst + timedelta(days=1) // account.every

    assert most == 106
    assert 100 < found[0].guesses <= most
    assert all(scene.guesses <= most * scene.accounts for scene in found)


def test_who_is_known_is_never_locked_out_by_strangers(found: list[Scene]) -> None:
    assert [scene.honest.lost for scene in found] == [0.0] * len(found)
    assert all(scene.honest.right for scene in found)


@pytest.mark.parametrize("scene", [2, 4])
def test_an_office_and_a_gateway_lose_one_login_in_a_thousand_at_most(found: list[Scene], scene: int) -> None:
    assert found[scene].without_device.right > 200
    assert found[scene].without_device.lost <= 0.001


def test_an_office_with_somebody_who_guesses_is_not_refused_as_a_whole(found: list[Scene]) -> None:
    """Who mistypes on an unknown device there has to wait; nobody else."""
    assert 0.0 < found[3].without_device.lost < 0.15
    assert found[3].without_device.right > 200
