"""Slowing down those who guess passwords, and nobody else; `budgets.py` says by how much."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Final, Protocol

from service.app.auth.budgets import Attempt, Budgets, Counters, counters_of
from service.domain.errors import RateLimited, Unavailable


class TooManyAttempts(RateLimited):
    """The account is locked for a while, whatever the password."""

    reason = "too_many_attempts"
    message = "Too many wrong passwords; wait before the next try."

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__()
        self.retry_after_ms = retry_after_ms


class AttemptsInFlight(Unavailable):
    """What is left of the budget is reserved by attempts that go on."""

    reason = "attempts_in_flight"
    message = "Other attempts for this account are being checked; try again soon."


# Attempts at one budget that one worker has in flight: less than half of the logins that it takes at once.
MAX_WAITING: Final = 50
# So long does one of them wait for its turn. Half of the time of a request is left for the work then.
MAX_WAIT_SECONDS: Final = 15.0
# A reservation of a worker that died is given back after this.
RESERVATION_TTL: Final = timedelta(seconds=60)


class Outcome(Enum):
    """What became of an attempt. Of one that was not looked at, nothing can be learnt."""

    UNCHECKED = auto()
    RIGHT = auto()
    WRONG = auto()


class ReservationResult(Enum):
    """What counters say to a reservation."""

    RESERVED = auto()
    LOCKED = auto()
    BUSY = auto()


class AttemptCounters(Protocol):
    """Counts wrong passwords, and attempts that go on. Every method is one atomic step."""

    async def reserve(self, reservation: str, counters: Counters) -> tuple[ReservationResult, int]:
        """Reserve an attempt.

        Returns the answer and, if it is locked, for how many milliseconds still.
        """

    async def settle(self, reservation: str, counters: Counters, outcome: Outcome) -> None:
        """Give the reservation back, and count a wrong password."""

    async def reset(self, counters: Counters) -> None:
        """Forget the wrong passwords of the own counter, or raise `Unavailable`."""


@dataclass(slots=True)
class Reservation:
    """One attempt that may be made now."""

    counters: Counters
    name: str = field(default_factory=lambda: os.urandom(16).hex())
    outcome: Outcome = Outcome.UNCHECKED

    def count_as_wrong(self) -> None:
        """Note that it was wrong, whatever else is done before that is said."""
        self.outcome = Outcome.WRONG


class KeyedLock:
    """A queue for each budget, so that its valid logins wait for each other instead of being refused.

    One at a time: then as many workers as a budget has attempts leave each other room. No more wait than
    leave room for others, and none longer than *max_wait* seconds.
    """

    def __init__(self, max_wait: float = MAX_WAIT_SECONDS) -> None:
        self._max_wait = max_wait
        self._queues: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait until no other attempt of that *name* goes on here.

        Raises:
            AttemptsInFlight: Too many wait already, or this one has waited too long.

        """
        lock, users = self._queues.setdefault(name, (asyncio.Lock(), []))
        if len(users) >= MAX_WAITING:
            raise AttemptsInFlight
        users.append(None)
        try:
            try:
                async with asyncio.timeout(self._max_wait):
                    await lock.acquire()
            except TimeoutError:
                raise AttemptsInFlight from None
            try:
                yield
            finally:
                lock.release()
        finally:
            users.pop()
            if not users:
                del self._queues[name]


@dataclass(frozen=True, slots=True)
class Throttle:
    """Counts attempts before they are made, so that parallel ones are counted too.

    Attributes:
        locks: Lets one attempt of a budget in this process go on at a time.

    """

    counters: AttemptCounters
    locks: KeyedLock
    budgets: Budgets = field(default_factory=Budgets)

    @asynccontextmanager
    async def attempt(self, attempt: Attempt) -> AsyncIterator[Reservation]:
        """Reserve an attempt; inside the block, set its `outcome` once it is known.

        Raises:
            TooManyAttempts: Without any look at the password.
            AttemptsInFlight: What is left of the budget is reserved just now, or too many attempts wait here,
                or this one has waited too long.

        """
        reservation = Reservation(counters_of(attempt, self.budgets))
        async with self.locks.hold(reservation.counters.own.name):
            try:
                answer, milliseconds = await self.counters.reserve(reservation.name, reservation.counters)
            except asyncio.CancelledError:  # which does not take back what is on its way already
                await self.counters.settle(reservation.name, reservation.counters, Outcome.UNCHECKED)
                raise
            if answer is ReservationResult.LOCKED:
                raise TooManyAttempts(milliseconds)
            if answer is ReservationResult.BUSY:
                raise AttemptsInFlight
            try:
                yield reservation
            finally:
                await self.counters.settle(reservation.name, reservation.counters, reservation.outcome)
