import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from service.app.auth.budgets import Attempt, Budgets, Counters, counters_of
from service.app.auth.throttle import (
    MAX_WAITING,
    RESERVATION_TTL,
    AttemptCounters,
    AttemptsInFlight,
    KeyedLock,
    Outcome,
    ReservationResult,
    Throttle,
    TooManyAttempts,
)
from service.infrastructure.memory.attempts import MemoryAttempts

ATTEMPT = Attempt("ada@example.org", None, "gateway", "192.0.2.1/32")
KNOWN = Attempt("ada@example.org", "device 1", "gateway", "192.0.2.1/32")
BUDGETS = Budgets()


def a_throttle() -> Throttle:
    return Throttle(MemoryAttempts(lambda: 0.0), KeyedLock())


@dataclass(slots=True)
class Journal(AttemptCounters):
    """Gives one answer and keeps a journal."""

    answer: tuple[ReservationResult, int] = (ReservationResult.RESERVED, 0)
    is_slow: bool = False
    reserved: list[tuple[str, Counters]] = field(default_factory=list)
    settled: list[tuple[str, Counters, Outcome]] = field(default_factory=list)

    async def reserve(self, reservation: str, counters: Counters) -> tuple[ReservationResult, int]:
        self.reserved.append((reservation, counters))
        if self.is_slow:
            await asyncio.Event().wait()
        return self.answer

    async def settle(self, reservation: str, counters: Counters, outcome: Outcome) -> None:
        self.settled.append((reservation, counters, outcome))

    async def reset(self, counters: Counters) -> None:
        self.settled = [each for each in self.settled if each[1] != counters]


async def guess(throttle: Throttle, attempt: Attempt, outcome: Outcome) -> None:
    async with throttle.attempt(attempt) as reservation:
        await asyncio.sleep(0)
        reservation.outcome = outcome


async def test_of_200_parallel_guesses_no_more_are_looked_at_than_the_budget() -> None:
    throttle = a_throttle()
    guesses = (guess(throttle, ATTEMPT, Outcome.WRONG) for _ in range(200))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)

    assert [each for each in outcomes if each is None] == [None] * 10
    assert {type(each) for each in outcomes if each} <= {TooManyAttempts, AttemptsInFlight}


async def test_strangers_do_not_lock_out_who_is_known() -> None:
    throttle = a_throttle()
    for _ in range(10):
        await guess(throttle, ATTEMPT, Outcome.WRONG)

    with pytest.raises(TooManyAttempts):
        await guess(throttle, ATTEMPT, Outcome.RIGHT)
    await guess(throttle, KNOWN, Outcome.RIGHT)


async def test_who_is_known_does_not_wait_behind_strangers() -> None:
    throttle = a_throttle()
    async with throttle.attempt(ATTEMPT) as stranger, asyncio.timeout(1):
        await guess(throttle, KNOWN, Outcome.RIGHT)

        assert stranger.outcome is Outcome.UNCHECKED


async def test_50_valid_parallel_logins_all_pass() -> None:
    throttle = a_throttle()

    assert await asyncio.gather(*(guess(throttle, ATTEMPT, Outcome.RIGHT) for _ in range(50))) == [None] * 50


async def test_an_account_takes_no_more_places_than_its_share() -> None:
    throttle, inside = a_throttle(), asyncio.Event()

    async def log_in(attempt: Attempt) -> bool:
        try:
            async with throttle.attempt(attempt) as reservation:
                await inside.wait()
                reservation.outcome = Outcome.RIGHT
        except AttemptsInFlight:
            return False
        return True

    many = [asyncio.ensure_future(log_in(ATTEMPT)) for _ in range(200)]
    await asyncio.sleep(0)
    refused = [each for each in many if each.done()]
    inside.set()

    assert await log_in(Attempt("bob@example.org"))
    assert await log_in(KNOWN)
    assert len(refused) == 200 - MAX_WAITING
    assert sum(await asyncio.gather(*many)) == MAX_WAITING


async def test_no_attempt_waits_longer_than_it_can() -> None:
    throttle = Throttle(MemoryAttempts(lambda: 0.0), KeyedLock(max_wait=0.01))

    async with throttle.attempt(ATTEMPT):
        with pytest.raises(AttemptsInFlight):
            await guess(throttle, ATTEMPT, Outcome.RIGHT)
        await guess(throttle, KNOWN, Outcome.RIGHT)
    await guess(throttle, ATTEMPT, Outcome.RIGHT)


async def test_what_other_workers_have_reserved_is_in_flight() -> None:
    counters = MemoryAttempts(lambda: 0.0)
    for name in range(10):
        await counters.reserve(str(name), counters_of(ATTEMPT, BUDGETS))

    with pytest.raises(AttemptsInFlight):
        await guess(Throttle(counters, KeyedLock()), ATTEMPT, Outcome.RIGHT)
    assert AttemptsInFlight.retryable


async def test_an_attempt_that_was_cut_off_is_given_back() -> None:
    throttle = a_throttle()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with throttle.attempt(ATTEMPT):
                raise TimeoutError

    assert await guess(throttle, ATTEMPT, Outcome.RIGHT) is None  # type: ignore[func-returns-value]


async def test_an_attempt_is_reserved_before_and_settled_after() -> None:
    journal, counters = Journal(), counters_of(ATTEMPT, BUDGETS)

    async with Throttle(journal, KeyedLock()).attempt(ATTEMPT) as reservation:
        assert journal.reserved == [(reservation.name, counters)]
        assert journal.settled == []
        assert reservation.outcome is Outcome.UNCHECKED
        reservation.outcome = Outcome.RIGHT

    assert journal.settled == [(reservation.name, counters, Outcome.RIGHT)]


async def test_two_attempts_have_two_names() -> None:
    journal = Journal()
    for _ in range(2):
        async with Throttle(journal, KeyedLock()).attempt(ATTEMPT) as reservation:
            reservation.outcome = Outcome.WRONG

    assert len({name for name, _ in journal.reserved}) == 2
    assert len(journal.reserved[0][0]) == 32


async def test_an_attempt_that_breaks_off_is_settled() -> None:
    journal = Journal()

    with pytest.raises(KeyError):
        async with Throttle(journal, KeyedLock()).attempt(ATTEMPT):
            raise KeyError

    assert [outcome for _, _, outcome in journal.settled] == [Outcome.UNCHECKED]


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [(ReservationResult.LOCKED, TooManyAttempts), (ReservationResult.BUSY, AttemptsInFlight)],
)
async def test_a_refused_attempt_is_not_settled(answer: ReservationResult, refusal: type[Exception]) -> None:
    journal = Journal((answer, 1234))

    with pytest.raises(refusal) as refused:
        async with Throttle(journal, KeyedLock()).attempt(ATTEMPT):
            pytest.fail("it was let through")

    assert getattr(refused.value, "retry_after_ms", None) == (
        1234 if answer is ReservationResult.LOCKED else None
    )
    assert journal.settled == []


async def most_at_once(gate: KeyedLock, names: list[str]) -> int:
    """Return how many of those who pass the gate, all at once, were inside together."""
    inside, most = 0, 0

    async def pass_through(name: str) -> None:
        nonlocal inside, most
        async with gate.hold(name):
            inside += 1
            most = max(most, inside)
            for _ in range(3):
                await asyncio.sleep(0)
            inside -= 1

    await asyncio.wait_for(asyncio.gather(*map(pass_through, names)), 2)
    return most


async def test_a_gate_lets_one_of_a_name_through_at_a_time() -> None:
    assert await most_at_once(KeyedLock(), ["ada"] * 20) == 1
    assert await most_at_once(KeyedLock(), ["ada", "ben", "eve"]) == 3


async def test_a_gate_forgets_those_who_have_passed() -> None:
    gate = KeyedLock()
    await most_at_once(gate, ["ada", "ada", "ben"])
    assert gate._queues == {}  # noqa: SLF001 - memory must not grow with what guessers type

    with pytest.raises(KeyError):
        async with gate.hold("ada"):
            raise KeyError
    assert gate._queues == {}  # noqa: SLF001


async def test_a_gate_is_kept_while_anybody_waits() -> None:
    gate = KeyedLock()
    async with gate.hold("ada"):
        waiting = asyncio.create_task(most_at_once(gate, ["ada"]))
        await asyncio.sleep(0)
        assert "ada" in gate._queues  # noqa: SLF001
    assert await waiting == 1


def test_what_a_worker_that_died_had_reserved_is_given_back_after_a_minute() -> None:
    assert timedelta(seconds=60) == RESERVATION_TTL


async def test_what_ends_while_it_is_reserved_gives_its_place_back() -> None:
    journal = Journal(is_slow=True)
    throttle = Throttle(journal, KeyedLock())
    guessing = asyncio.create_task(guess(throttle, Attempt("ada"), Outcome.RIGHT))
    await asyncio.sleep(0)
    guessing.cancel()
    await asyncio.wait([guessing])

    assert guessing.cancelled()
    assert [(name, outcome) for name, _, outcome in journal.settled] == [
        (journal.reserved[0][0], Outcome.UNCHECKED)
    ]
