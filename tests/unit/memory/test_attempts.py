import pytest

from service.app.auth.throttle import Answer, Attempt, Outcome, counters_of
from service.infrastructure.memory import attempts
from service.infrastructure.memory.attempts import MemoryAttempts


async def test_memory_does_not_grow_with_names_that_are_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MAX_COUNTERS", 3)
    memory = MemoryAttempts(lambda: 0.0)
    for name in ("a", "b", "c", "a", "d", "e"):
        for _ in range(5):
            await memory.settle("r", counters_of(Attempt(name)), Outcome.WRONG)
    answers = [(await memory.reserve("r", counters_of(Attempt(name))))[0] for name in ("a", "d", "e", "b")]

    assert answers == [Answer.LOCKED, Answer.LOCKED, Answer.LOCKED, Answer.RESERVED]


async def test_without_counters_nothing_is_refused() -> None:
    assert await MemoryAttempts().reserve("r", []) == (Answer.RESERVED, 0)
