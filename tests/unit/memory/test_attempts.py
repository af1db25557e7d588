import pytest

from service.app.auth.budgets import Attempt, Budgets, Counters, counters_of
from service.app.auth.throttle import Outcome, ReservationResult
from service.infrastructure.memory import attempts
from service.infrastructure.memory.attempts import MemoryAttempts


def of(name: str) -> Counters:
    return Counters(counters_of(Attempt(name), Budgets()).own)


async def test_memory_does_not_grow_with_names_that_are_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MAX_COUNTERS", 3)
    memory = MemoryAttempts(lambda: 0.0)
    for name in ("a", "b", "c", "a", "d", "e"):
        for _ in range(10):
            await memory.settle("r", of(name), Outcome.WRONG)
    answers = [(await memory.reserve("r", of(name)))[0] for name in ("a", "d", "e", "b")]

    assert answers == [
        ReservationResult.LOCKED,
        ReservationResult.LOCKED,
        ReservationResult.LOCKED,
        ReservationResult.RESERVED,
    ]


async def test_what_was_not_looked_at_pushes_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MAX_COUNTERS", 2)
    memory = MemoryAttempts(lambda: 0.0)
    for _ in range(10):
        await memory.settle("r", of("victim"), Outcome.WRONG)
    for number in range(100):
        await memory.reserve(str(number), of("victim"))
        await memory.reserve(str(number), of(f"stranger {number}"))
        await memory.settle(str(number), of(f"stranger {number}"), Outcome.RIGHT)

    assert (await memory.reserve("r", of("victim")))[0] is ReservationResult.LOCKED
    assert memory._reserved == {}  # noqa: SLF001 - memory must not grow with what is over
