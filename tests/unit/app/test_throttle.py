import asyncio

import pytest

from service.app.auth.throttle import (
    BUDGETS,
    MOST_WAITING,
    Attempt,
    AttemptsInFlight,
    Gate,
    Outcome,
    Throttle,
    TooManyAttempts,
    counters_of,
)
from service.infrastructure.memory.attempts import MemoryAttempts


def a_throttle() -> Throttle:
    return Throttle(MemoryAttempts(lambda: 0.0), Gate())


async def guess(throttle: Throttle, attempt: Attempt, outcome: Outcome) -> None:
    async with throttle.attempt(attempt) as reservation:
        await asyncio.sleep(0)
        reservation.outcome = outcome


def test_an_attempt_is_counted_for_all_that_is_known_and_by_digest() -> None:
    counters = counters_of(Attempt("ada@example.org", "gateway", "192.0.2.7/32"))

    assert [(each.name.partition(":")[0], each.is_reset_by_success) for each in counters] == [
        ("account", True),
        ("ip", False),
        ("service", False),
    ]
    assert [each.budget for each in counters] == [BUDGETS[name] for name in ("account", "ip", "service")]
    assert not [each for each in counters if "ada" in each.name or "192" in each.name]
    assert len(counters_of(Attempt("\ud800"))) == 1


async def test_of_200_parallel_guesses_no_more_are_looked_at_than_the_budget() -> None:
    throttle, attempt = a_throttle(), Attempt("ada@example.org")
    guesses = (guess(throttle, attempt, Outcome.WRONG) for _ in range(200))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)

    assert [each for each in outcomes if each is None] == [None] * 5
    assert {type(each) for each in outcomes if each} <= {TooManyAttempts, AttemptsInFlight}


async def test_50_valid_parallel_logins_all_pass() -> None:
    throttle, attempt = a_throttle(), Attempt("ada@example.org")

    assert await asyncio.gather(*(guess(throttle, attempt, Outcome.RIGHT) for _ in range(50))) == [None] * 50


async def test_an_account_takes_no_more_places_than_its_share() -> None:
    throttle, mine, yours = a_throttle(), Attempt("ada@example.org"), Attempt("bob@example.org")
    inside = asyncio.Event()

    async def log_in(attempt: Attempt) -> bool:
        try:
            async with throttle.attempt(attempt) as reservation:
                await inside.wait()
                reservation.outcome = Outcome.RIGHT
        except AttemptsInFlight:
            return False
        return True

    many = [asyncio.ensure_future(log_in(mine)) for _ in range(200)]
    await asyncio.sleep(0)
    refused = [each for each in many if each.done()]
    inside.set()

    assert await log_in(yours)
    assert len(refused) == 200 - MOST_WAITING
    assert sum(await asyncio.gather(*many)) == MOST_WAITING


async def test_what_other_workers_have_reserved_is_in_flight() -> None:
    counters, attempt = MemoryAttempts(lambda: 0.0), Attempt("ada@example.org")
    for name in "abcde":
        await counters.reserve(name, counters_of(attempt))

    with pytest.raises(AttemptsInFlight):
        await guess(Throttle(counters, Gate()), attempt, Outcome.RIGHT)
    assert AttemptsInFlight.retryable


async def test_an_attempt_that_was_cut_off_is_given_back() -> None:
    throttle, attempt = a_throttle(), Attempt("ada@example.org")
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with throttle.attempt(attempt):
                raise TimeoutError

    assert await guess(throttle, attempt, Outcome.RIGHT) is None  # type: ignore[func-returns-value]


async def test_a_gate_lets_one_through_at_a_time_and_keeps_nothing() -> None:
    gate, inside, most = Gate(), 0, 0

    async def pass_through() -> None:
        nonlocal inside, most
        async with gate.passed("ada"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(pass_through() for _ in range(20)))

    assert most == 1
    assert gate._queues == {}  # noqa: SLF001 - memory must not grow with names
