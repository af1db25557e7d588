from datetime import timedelta

import pytest

from service.app.auth.budgets import BURST_IN_A_CROWD, Attempt, Budget, Budgets, Counters, counters_of

ATTEMPT = Attempt("ada@example.org", None, "gateway", "192.0.2.1/32")
KNOWN = Attempt("ada@example.org", "device 1", "gateway", "192.0.2.1/32")
BUDGETS = Budgets()


def kinds(counters: Counters) -> list[str]:
    return [each.name.partition(":")[0] for each in (counters.own, *counters.crowds)]


def test_the_budgets_are_those_of_the_documentation() -> None:
    day, minute = timedelta(days=1), timedelta(minutes=1)

    assert BUDGETS.account == Budget(10, day / 96)
    assert BUDGETS.known == Budget(10, day / 288)
    assert BUDGETS.network == Budget(100, minute / 10)
    assert BUDGETS.service == Budget(2_000, minute / 1_200)
    assert BURST_IN_A_CROWD == 1


@pytest.mark.parametrize(("days", "taken"), [(0, 10), (1, 106), (7, 682)])
def test_a_budget_says_what_a_guesser_gets(days: int, taken: int) -> None:
    account = BUDGETS.account

    assert account.burst + timedelta(days=days) // account.every == taken


def test_a_stranger_is_counted_for_account_network_and_service() -> None:
    counters = counters_of(ATTEMPT, BUDGETS)

    assert kinds(counters) == ["account", "network", "service"]
    assert [each.budget for each in (counters.own, *counters.crowds)] == [
        BUDGETS.account,
        BUDGETS.network,
        BUDGETS.service,
    ]


def test_who_is_known_has_a_budget_of_their_own() -> None:
    counters = counters_of(KNOWN, BUDGETS)

    assert kinds(counters) == ["known"]
    assert counters.own.budget == BUDGETS.known
    assert counters.own != counters_of(Attempt("ada@example.org", "device 2"), BUDGETS).own


def test_a_network_that_is_not_known_is_not_counted_and_services_that_are_not_are_one() -> None:
    counters = counters_of(Attempt("ada@example.org"), BUDGETS)
    other = counters_of(Attempt("ben@example.org"), BUDGETS)

    assert kinds(counters) == ["account", "service"]
    assert counters.crowds == other.crowds
    assert len(kinds(counters_of(Attempt("", None, "", ""), BUDGETS))) == 3


def test_a_counter_is_named_by_a_digest() -> None:
    counters = counters_of(ATTEMPT, BUDGETS)
    names = [each.name for each in (counters.own, *counters.crowds)]

    assert [len(name.partition(":")[2]) for name in names] == [32, 32, 32]
    assert not any("ada" in name or "192" in name or "gateway" in name for name in names)
    assert counters_of(Attempt("ben@example.org"), BUDGETS).own.name != names[0]
    assert counters_of(Attempt("ada@example.org"), BUDGETS).own.name == names[0]
    assert counters_of(Attempt("\ud800@example.org"), BUDGETS).own.name


def test_codes_are_counted_apart_from_passwords_whatever_is_typed_as_an_address() -> None:
    at_code = counters_of(Attempt("ada@example.org", at_code=True), BUDGETS)
    typed = [counters_of(Attempt(f"{each}ada@example.org"), BUDGETS) for each in ("", "otp ", "code:")]

    assert kinds(at_code) == ["code", "service"]
    assert at_code.own.budget == BUDGETS.account
    assert at_code.own.name not in {each.own.name for each in typed}
