"""What a guesser of passwords gets, and what others lose by it. `make guessing`.

A simulation of a day, without servers and without hashing: the real counters, with a clock that jumps from
one try to the next. Whoever guesses comes back at the very moment that the answer names. What happens is
drawn from a seed, so that the table in SECURITY.md can be held by a test.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from service.app.auth.budgets import Attempt, Budgets, counters_of
from service.app.auth.throttle import Outcome, ReservationResult
from service.infrastructure.memory.attempts import MemoryAttempts

SEED: Final = 20261126
DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
RETYPED: Final = 3.0  # seconds until somebody has typed a password again
_GATEWAY: Final = "gateway"

Try = Callable[[], Attempt]


@dataclass
class Tally:
    """What became of the tries of one side."""

    right: int = 0
    wrong: int = 0
    refused: int = 0

    @property
    def lost(self) -> float:
        """How many of the logins were given up for a refusal, as a part of all."""
        return self.refused / max(1, self.right + self.refused)


@dataclass
class World:
    """Counters, and the tries that are still to come."""

    seed: int = SEED
    now: float = 0.0
    budgets: Budgets = field(default_factory=Budgets)

    def __post_init__(self) -> None:
        """Begin with nobody."""
        self.random = random.Random(self.seed)  # noqa: S311 - a simulation
        self.counters = MemoryAttempts(lambda: self.now)
        self._coming: list[tuple[float, int, Iterator[float]]] = []
        self._names = iter(range(10**9))

    def join(self, life: Iterator[float], at: float = 0.0) -> None:
        """Let somebody begin at a time; *life* tells after how many seconds it goes on, each time."""
        heapq.heappush(self._coming, (at, next(self._names), life))

    def run(self, until: float) -> None:
        """Let everybody do what they do."""
        while self._coming and self._coming[0][0] < until:
            self.now, _, life = heapq.heappop(self._coming)
            for pause in life:
                self.join(life, self.now + pause)
                break

    def try_once(self, attempt: Attempt, tally: Tally, *, right: bool) -> tuple[ReservationResult, float]:
        """Make a try; return the answer and for how long to wait, in seconds."""
        doing = self._try_once(attempt, tally, right=right)
        try:
            doing.send(None)  # nothing in there waits for anything, so that it is done at once
        except StopIteration as done:
            result: tuple[ReservationResult, float] = done.value
            return result
        raise RuntimeError("It waits.")

    async def _try_once(
        self, attempt: Attempt, tally: Tally, *, right: bool
    ) -> tuple[ReservationResult, float]:
        counters = counters_of(attempt, self.budgets)
        answer, milliseconds = await self.counters.reserve("try", counters)
        if answer is ReservationResult.RESERVED:
            await self.counters.settle("try", counters, Outcome.RIGHT if right else Outcome.WRONG)
            tally.right, tally.wrong = tally.right + right, tally.wrong + (not right)
        else:
            tally.refused += 1
        return answer, milliseconds / 1000

    def guesser(self, attempt: Try, tally: Tally) -> Iterator[float]:
        """Guess wrong for ever, as often as that is answered."""
        while True:
            _, wait = self.try_once(attempt(), tally, right=False)
            yield wait + 0.001

    def sprayer(self, network: str, tally: Tally) -> Iterator[float]:
        """Guess once for one account after the other: far more than the network has a budget for."""
        for number in range(10**9):
            self.try_once(Attempt(f"victim {number}", None, _GATEWAY, network), tally, right=False)
            yield 1.0

    def login(self, attempt: Attempt, tally: Tally, typos: float) -> Iterator[float]:
        """Log in once: type until it is right, and give up at a refusal."""
        while self.random.random() < typos:
            if self.try_once(attempt, tally, right=False)[0] is not ReservationResult.RESERVED:
                return
            yield RETYPED
        self.try_once(attempt, tally, right=True)


@dataclass(frozen=True)
class Scene:
    """A line of the table."""

    name: str
    guesses: int
    accounts: int
    honest: Tally
    without_device: Tally

    @property
    def row(self) -> str:
        """The line as SECURITY.md has it."""
        each = f"{self.guesses / self.accounts:,.0f}" if self.accounts else "-"
        lost = [f"{tally.lost:.2%}" if tally.right + tally.refused else "-" for tally in self._sides()]
        return f"| {self.name} | {self.guesses:,} | {each} | {lost[0]} | {lost[1]} |"

    def _sides(self) -> tuple[Tally, Tally]:
        return self.honest, self.without_device


def one_account() -> Scene:
    """Attack one account for a day; its owner logs in twenty times, or tries to from a new device."""
    world, attacker, known, unknown = World(), Tally(), Tally(), Tally()
    world.join(world.guesser(lambda: Attempt("ada", None, _GATEWAY, "192.0.2.1/32"), attacker))
    for number in range(20):
        at = world.random.uniform(0, DAY)
        world.join(world.login(Attempt("ada", "her device", _GATEWAY), known, 0.1), at)
        world.join(world.login(Attempt("ada", None, _GATEWAY, f"198.51.100.{number}/32"), unknown, 0.0), at)
    world.run(DAY)
    return Scene("one account, attacked without a pause", attacker.wrong, 1, known, unknown)


def botnet(accounts: int = 300) -> Scene:
    """Attack many accounts for a day, each from addresses of its own; as many others log in twice."""
    world, attacker, known, unknown = World(), Tally(), Tally(), Tally()
    for number in range(accounts):
        address = f"10.{number // 256}.{number % 256}.1/32"
        guess = Attempt(f"victim {number}", None, _GATEWAY, address)
        world.join(world.guesser(lambda guess=guess: guess, attacker), world.random.uniform(0, HOUR))  # type: ignore[misc]
        for _ in range(2):
            at = world.random.uniform(0, DAY)
            victim = Attempt(f"victim {number}", f"device {number}", _GATEWAY)
            other = Attempt(f"other {number}", None, _GATEWAY, f"11.{number // 256}.{number % 256}.1/32")
            world.join(world.login(victim, known, 0.02), at)
            world.join(world.login(other, unknown, 0.02), at)
    world.run(DAY)
    return Scene(
        f"a botnet on {accounts:,} accounts; others log in", attacker.wrong, accounts, known, unknown
    )


def office(people: int = 500, *, guesser: bool = False) -> Scene:
    """Let an office behind one address log in within half an hour, one in ten of the passwords wrong."""
    world, attacker, known, unknown = World(), Tally(), Tally(), Tally()
    here = "203.0.113.5/32"
    if guesser:
        world.join(world.sprayer(here, attacker))
    for number in range(people):
        device, tally = (f"device {number}", known) if number % 2 else (None, unknown)
        attempt = Attempt(f"colleague {number}", device, _GATEWAY, here)
        world.join(world.login(attempt, tally, 0.1), world.random.uniform(0, HOUR / 2))
    world.run(HOUR)
    name = f"an office of {people} on Monday morning, 10 % typos"
    if guesser:
        return Scene(f"{name}, one there guesses", attacker.wrong, attacker.wrong, known, unknown)
    return Scene(name, 0, 0, known, unknown)


def gateway(logins_a_minute: int = 1_000, minutes: int = 30) -> Scene:
    """Let a whole gateway log in, two in a hundred of the passwords wrong; half of the devices are known."""
    world, known, unknown = World(), Tally(), Tally()
    for number in range(logins_a_minute * minutes):
        device, tally = (f"device {number}", known) if number % 2 else (None, unknown)
        attempt = Attempt(f"user {number}", device, _GATEWAY, f"10.{number % 250}.{number % 241}.1/32")
        world.join(world.login(attempt, tally, 0.02), world.random.uniform(0, minutes * MINUTE))
    world.run(DAY)
    return Scene(f"a gateway at {logins_a_minute:,} logins a minute, 2 % typos", 0, 0, known, unknown)


HEADER: Final = """\
| what goes on | guesses looked at | for each account | honest logins lost, known device | unknown device |
|---|---|---|---|---|"""


def scenes() -> list[Scene]:
    """Return every line of the table."""
    return [one_account(), botnet(), office(), office(guesser=True), gateway()]


def table(found: list[Scene]) -> str:
    """Return the table as it stands in SECURITY.md."""
    return "\n".join([HEADER, *(each.row for each in found)])


if __name__ == "__main__":
    print(table(scenes()))
