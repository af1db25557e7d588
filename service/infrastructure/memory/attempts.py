"""Attempts at passwords, counted in this process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.app.auth.throttle import RESERVED, Answer, AttemptCounters, Counter, Outcome, locked_for

# Names are made up by those who guess: memory must not grow with them.
_MAX_COUNTERS: Final = 100_000


@dataclass(slots=True)
class _State:
    wrong: int = 0
    locked_until: float = 0.0
    forgotten_at: float = 0.0
    reserved: dict[str, float] = field(default_factory=dict)


class MemoryAttempts(AttemptCounters):
    """Counts in memory; *now* gives the time in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._states: dict[str, _State] = {}

    async def reserve(self, reservation: str, counters: Sequence[Counter]) -> tuple[Answer, int]:
        """Reserve an attempt with all *counters*, or with none."""
        now = self._now()
        states = [(self._state(each, now), each.budget) for each in counters]
        locked = max((state.locked_until for state, _ in states), default=0.0)
        if locked > now:
            return Answer.LOCKED, int((locked - now) * 1000) + 1
        for state, budget in states:
            # Once it was locked, a counter gives one try at a time.
            if len(state.reserved) >= max(1, budget.limit - state.wrong):
                return Answer.BUSY, 0
        for state, _ in states:
            state.reserved[reservation] = now + RESERVED.total_seconds()
        return Answer.RESERVED, 0

    async def settle(self, reservation: str, counters: Sequence[Counter], outcome: Outcome) -> None:
        """Give the reservation back; count a wrong password, or forget those before a right one."""
        now = self._now()
        for counter in counters:
            state = self._state(counter, now)
            state.reserved.pop(reservation, None)
            if outcome is Outcome.WRONG:
                state.wrong += 1
                lock = locked_for(counter.budget, state.wrong)
                state.locked_until = now + lock.total_seconds()
                state.forgotten_at = now + max(lock, counter.budget.forget).total_seconds()
            elif outcome is Outcome.RIGHT and counter.is_reset_by_success:
                state.wrong, state.locked_until = 0, 0.0

    def _state(self, counter: Counter, now: float) -> _State:
        state = self._states.pop(counter.name, None) or _State()
        if state.forgotten_at <= now:
            state.wrong, state.locked_until = 0, 0.0
        state.reserved = {name: until for name, until in state.reserved.items() if until > now}
        self._states[counter.name] = state  # the one used last is the last
        if len(self._states) > _MAX_COUNTERS:
            del self._states[next(iter(self._states))]
        return state
