"""Slowing down those who guess passwords."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from hashlib import blake2b
from typing import Final, Protocol

from service.domain.errors import RateLimited, Unavailable


class TooManyAttempts(RateLimited):
    """Too many wrong passwords; wait before the next try."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__()
        self.retry_after_ms = retry_after_ms


class AttemptsInFlight(Unavailable):
    """Other attempts for this account are being checked; try again soon."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries a password, and for which account.

    Attributes:
        account: The key of the e-mail address that was typed, whether anybody has it or not.
        service: The broker user, if known.
        client_ip: Where the human is, as a trusted service says.

    """

    account: str
    service: str | None = None
    client_ip: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How many wrong passwords a counter takes.

    Attributes:
        limit: Wrong passwords, and attempts that go on, before the counter is locked.
        lock: How long it is locked then; each further wrong password doubles that.
        longest: The longest that it is ever locked.
        forget: After so long without a wrong password it begins anew.

    """

    limit: int
    lock: timedelta
    longest: timedelta
    forget: timedelta


# OWASP Authentication Cheat Sheet, "Login Throttling": per account first, and exponentially.
BUDGETS: Final = {
    "account": Budget(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=24)),
    "ip": Budget(30, timedelta(minutes=1), timedelta(minutes=15), timedelta(minutes=5)),
    "service": Budget(1000, timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=1)),
}
# Attempts at one account that one worker has in hand: less than half of the logins that it takes at once.
MOST_WAITING: Final = 50
# A reservation of a worker that died is given back after this.
RESERVED: Final = timedelta(seconds=60)


class Outcome(Enum):
    """What became of an attempt. Of one that was not looked at, nothing can be learnt."""

    NOT_LOOKED_AT = auto()
    RIGHT = auto()
    WRONG = auto()


class Answer(Enum):
    """What counters say to a reservation."""

    RESERVED = auto()
    LOCKED = auto()
    BUSY = auto()


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that attempts are counted for."""

    name: str
    budget: Budget
    is_reset_by_success: bool


class AttemptCounters(Protocol):
    """Counts wrong passwords and attempts that go on. Every method is one atomic step."""

    async def reserve(self, reservation: str, counters: Sequence[Counter]) -> tuple[Answer, int]:
        """Reserve an attempt with all *counters*, or with none.

        Returns what they say, and for how many milliseconds a locked one is locked still.
        """

    async def settle(self, reservation: str, counters: Sequence[Counter], outcome: Outcome) -> None:
        """Give the reservation back; count a wrong password, or forget those before a right one."""


@dataclass(slots=True)
class Reservation:
    """One attempt that may be made now."""

    counters: Sequence[Counter]
    name: str = field(default_factory=lambda: os.urandom(16).hex())
    outcome: Outcome = Outcome.NOT_LOOKED_AT


class Gate:
    """A queue for each account, so that its valid logins wait for each other instead of being refused.

    One at a time: then as many workers as an account has attempts leave each other room. No more wait than
    leave room for others.
    """

    def __init__(self) -> None:
        self._queues: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def passed(self, account: str) -> AsyncIterator[None]:
        """Wait until no other attempt at *account* goes on here, or raise `AttemptsInFlight` if many do."""
        lock, users = self._queues.setdefault(account, (asyncio.Lock(), []))
        if len(users) >= MOST_WAITING:
            raise AttemptsInFlight
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                del self._queues[account]


@dataclass(frozen=True, slots=True)
class Throttle:
    """Counts attempts before they are made, so that parallel ones are counted too.

    Attributes:
        gate: Lets one attempt at an account in this process go on at a time.

    """

    counters: AttemptCounters
    gate: Gate

    @asynccontextmanager
    async def attempt(self, attempt: Attempt) -> AsyncIterator[Reservation]:
        """Reserve an attempt; inside the block, set its `outcome` once it is known.

        Raises:
            TooManyAttempts: Without any look at the password.
            AttemptsInFlight: What is left of the budget is reserved just now, or too many attempts wait here.

        """
        async with self.gate.passed(attempt.account):
            reservation = Reservation(counters_of(attempt))
            answer, milliseconds = await self.counters.reserve(reservation.name, reservation.counters)
            if answer is Answer.LOCKED:
                raise TooManyAttempts(milliseconds)
            if answer is Answer.BUSY:
                raise AttemptsInFlight
            try:
                yield reservation
            finally:
                await self.counters.settle(reservation.name, reservation.counters, reservation.outcome)


def counters_of(attempt: Attempt) -> Sequence[Counter]:
    """Return what *attempt* is counted for. Names are digests: they are no place for addresses."""
    named = {"account": attempt.account, "ip": attempt.client_ip, "service": attempt.service}
    return [
        Counter(
            f"{kind}:{blake2b(name.encode(errors='replace'), digest_size=16).hexdigest()}",
            BUDGETS[kind],
            # Or one right password would let an address go on guessing those of others.
            is_reset_by_success=kind == "account",
        )
        for kind, name in named.items()
        if name is not None
    ]


def locked_for(budget: Budget, wrong: int) -> timedelta:
    """Return how long a counter is locked after so many *wrong* passwords."""
    if wrong < budget.limit:
        return timedelta()
    return min(budget.longest, budget.lock * (1 << min(wrong - budget.limit, 20)))
