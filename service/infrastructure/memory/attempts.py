"""Attempts at passwords, counted in this process."""

import time
from collections.abc import Callable
from typing import Final

from service.app.auth.budgets import BURST_IN_A_CROWD, Budget, Counter, Counters
from service.app.auth.throttle import RESERVATION_TTL, AttemptCounters, Outcome, ReservationResult

# Names are made up by those who guess: memory must not grow with them.
_MAX_COUNTERS: Final = 100_000


class MemoryAttempts(AttemptCounters):
    """Counts in memory; *now* gives the time in seconds.

    Of each counter is kept when its budget will be full again, as in the generic cell rate algorithm (ITU-T
    I.371): one number, which slides.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._full_at: dict[str, float] = {}
        self._reserved: dict[str, dict[str, float]] = {}

    async def reserve(self, reservation: str, counters: Counters) -> tuple[ReservationResult, int]:
        """Reserve an attempt."""
        now, own = self._now(), counters.own
        is_crowded = any(self._used(each, now) + 1 > each.budget.burst for each in counters.crowds)
        burst = BURST_IN_A_CROWD if is_crowded else own.budget.burst
        missing = self._used(own, now) + 1 - burst
        if missing > 0:
            return ReservationResult.LOCKED, int(missing * _seconds(own.budget) * 1000) + 1
        going_on = self._going_on(own.name, now)
        going_on.pop(reservation, None)
        if missing + len(going_on) > 0:
            return ReservationResult.BUSY, 0
        self._reserved[own.name] = {**going_on, reservation: now + RESERVATION_TTL.total_seconds()}
        return ReservationResult.RESERVED, 0

    async def settle(self, reservation: str, counters: Counters, outcome: Outcome) -> None:
        """Give the reservation back, and count a wrong password."""
        now, own = self._now(), counters.own
        going_on = self._going_on(own.name, now)
        going_on.pop(reservation, None)
        self._reserved[own.name] = going_on
        if not going_on:
            del self._reserved[own.name]
        if outcome is Outcome.WRONG:
            for each in (own, *counters.crowds):
                self._count(each, now)

    async def reset(self, counters: Counters) -> None:
        """Forget the wrong passwords of the own counter."""
        self._full_at.pop(counters.own.name, None)

    def _used(self, counter: Counter, now: float) -> float:
        return max(0.0, self._full_at.get(counter.name, now) - now) / _seconds(counter.budget)

    def _going_on(self, name: str, now: float) -> dict[str, float]:
        return {each: until for each, until in self._reserved.get(name, {}).items() if until > now}

    def _count(self, counter: Counter, now: float) -> None:
        used = min(self._used(counter, now) + 1, counter.budget.burst)
        self._full_at.pop(counter.name, None)  # so that the one that was counted last is the last
        self._full_at[counter.name] = now + used * _seconds(counter.budget)
        if len(self._full_at) > _MAX_COUNTERS:
            del self._full_at[next(iter(self._full_at))]


def _seconds(budget: Budget) -> float:
    return budget.every.total_seconds()
