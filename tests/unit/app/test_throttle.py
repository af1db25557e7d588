import asyncio
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, dataclass, field
from datetime import timedelta

import pytest

from service.app.auth.throttle import (
    BUDGETS,
    MOST_WAITING,
    RESERVED,
    Answer,
    Attempt,
    AttemptCounters,
    AttemptsInFlight,
    Budget,
    Counter,
    Gate,
    Outcome,
    Throttle,
    TooManyAttempts,
    counters_of,
    locked_for,
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


ATTEMPT = Attempt("ada@example.org", "gateway", "192.0.2.1/32")
ACCOUNT = BUDGETS["account"]


@dataclass(slots=True)
class Counters(AttemptCounters):
    """Gives one answer and keeps a journal."""

    answer: tuple[Answer, int] = (Answer.RESERVED, 0)
    reserved: list[tuple[str, Sequence[Counter]]] = field(default_factory=list)
    settled: list[tuple[str, Sequence[Counter], Outcome]] = field(default_factory=list)

    async def reserve(self, reservation: str, counters: Sequence[Counter]) -> tuple[Answer, int]:
        self.reserved.append((reservation, counters))
        return self.answer

    async def settle(self, reservation: str, counters: Sequence[Counter], outcome: Outcome) -> None:
        self.settled.append((reservation, counters, outcome))


def test_the_budgets_are_those_of_the_documentation() -> None:
    minutes = {
        name: (
            each.limit,
            *(length / timedelta(minutes=1) for length in (each.lock, each.longest, each.forget)),
        )
        for name, each in BUDGETS.items()
    }

    assert minutes == {
        "account": (5, 0.5, 15, 24 * 60),
        "ip": (30, 1, 15, 5),
        "service": (1000, 10 / 60, 1, 1),
    }
    assert timedelta(seconds=60) == RESERVED


@pytest.mark.parametrize(
    ("wrong", "seconds"),
    [(0, 0), (4, 0), (5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (10**9, 900)],
)
def test_a_lock_doubles_up_to_a_quarter_of_an_hour(wrong: int, seconds: int) -> None:
    assert locked_for(ACCOUNT, wrong) == timedelta(seconds=seconds)


def test_a_lock_doubles_twenty_times_at_most() -> None:
    budget = Budget(1, timedelta(milliseconds=1), timedelta(days=365), timedelta(days=1))

    assert locked_for(budget, 21) == timedelta(milliseconds=2**20)
    assert locked_for(budget, 20) == timedelta(milliseconds=2**19)
    assert locked_for(budget, 10**6) == timedelta(milliseconds=2**20)


def test_an_attempt_is_counted_for_account_network_and_service() -> None:
    counters = counters_of(ATTEMPT)

    assert [each.name.partition(":")[0] for each in counters] == ["account", "ip", "service"]
    assert [each.budget for each in counters] == [BUDGETS["account"], BUDGETS["ip"], BUDGETS["service"]]
    assert [each.is_reset_by_success for each in counters] == [True, False, False]


def test_what_is_not_known_is_not_counted() -> None:
    assert [each.name.partition(":")[0] for each in counters_of(Attempt("ada@example.org"))] == ["account"]
    assert len(counters_of(Attempt("", "", ""))) == 3


def test_a_counter_is_named_by_a_digest() -> None:
    names = [each.name for each in counters_of(ATTEMPT)]

    assert names[0] == "account:" + names[0].partition(":")[2]
    assert [len(name.partition(":")[2]) for name in names] == [32, 32, 32]
    assert not any("ada" in name or "192" in name or "gateway" in name for name in names)
    assert counters_of(Attempt("ben@example.org"))[0].name != names[0]
    assert counters_of(Attempt("ada@example.org"))[0].name == names[0]


def test_an_address_that_is_no_text_is_counted_too() -> None:
    assert counters_of(Attempt("\ud800@example.org"))[0].name


@pytest.mark.parametrize("value", [ATTEMPT, ACCOUNT, counters_of(ATTEMPT)[0], Throttle(Counters(), Gate())])
def test_values_do_not_change(value: object) -> None:
    name = next(iter(type(value).__dataclass_fields__))  # type: ignore[attr-defined]

    assert not hasattr(value, "__dict__")
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)


async def test_an_attempt_is_reserved_before_and_settled_after() -> None:
    counters = Counters()

    async with Throttle(counters, Gate()).attempt(ATTEMPT) as reservation:
        assert counters.reserved == [(reservation.name, counters_of(ATTEMPT))]
        assert counters.settled == []
        assert reservation.outcome is Outcome.NOT_LOOKED_AT
        reservation.outcome = Outcome.RIGHT

    assert counters.settled == [(reservation.name, counters_of(ATTEMPT), Outcome.RIGHT)]


async def test_two_attempts_have_two_names() -> None:
    counters = Counters()
    for _ in range(2):
        async with Throttle(counters, Gate()).attempt(ATTEMPT) as reservation:
            reservation.outcome = Outcome.WRONG

    assert len({name for name, _ in counters.reserved}) == 2
    assert len(counters.reserved[0][0]) == 32


async def test_an_attempt_that_breaks_off_is_settled() -> None:
    counters = Counters()

    with pytest.raises(KeyError):
        async with Throttle(counters, Gate()).attempt(ATTEMPT):
            raise KeyError

    assert [outcome for _, _, outcome in counters.settled] == [Outcome.NOT_LOOKED_AT]


async def test_a_locked_attempt_hears_for_how_long_and_is_not_settled() -> None:
    counters = Counters((Answer.LOCKED, 1234))

    with pytest.raises(TooManyAttempts) as refused:
        async with Throttle(counters, Gate()).attempt(ATTEMPT):
            pytest.fail("it was let through")

    assert refused.value.retry_after_ms == 1234
    assert counters.settled == []


async def test_a_busy_account_may_be_tried_again() -> None:
    counters = Counters((Answer.BUSY, 0))

    with pytest.raises(AttemptsInFlight):
        async with Throttle(counters, Gate()).attempt(ATTEMPT):
            pytest.fail("it was let through")

    assert counters.settled == []


async def most_at_once(gate: Gate, accounts: Sequence[str]) -> int:
    """Return how many of those who pass the gate, all at once, were inside together."""
    inside, most = 0, 0

    async def pass_through(account: str) -> None:
        nonlocal inside, most
        async with gate.passed(account):
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await asyncio.sleep(0)
            inside -= 1

    await asyncio.wait_for(asyncio.gather(*map(pass_through, accounts)), 2)
    return most


async def test_a_gate_lets_one_through_at_a_time() -> None:
    assert await most_at_once(Gate(), ["ada"] * 20) == 1


async def test_accounts_do_not_wait_for_each_other() -> None:
    assert await most_at_once(Gate(), ["ada", "ben", "eve"]) == 3


async def test_a_gate_forgets_those_who_have_passed() -> None:
    gate = Gate()
    await most_at_once(gate, ["ada", "ada", "ben"])
    assert gate._queues == {}  # noqa: SLF001 - memory must not grow with what guessers type

    with pytest.raises(KeyError):
        async with gate.passed("ada"):
            raise KeyError
    assert gate._queues == {}  # noqa: SLF001


async def test_a_gate_is_kept_while_anybody_waits() -> None:
    gate = Gate()
    async with gate.passed("ada"):
        waiting = asyncio.create_task(most_at_once(gate, ["ada"]))
        await asyncio.sleep(0)
        assert "ada" in gate._queues  # noqa: SLF001
    assert await waiting == 1
