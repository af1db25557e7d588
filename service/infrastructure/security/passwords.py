"""Passwords as bcrypt hashes, made in a pool of threads."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeVar

import bcrypt

from service.app.auth.passwords import PasswordHasher
from service.domain.errors import Unavailable
from service.pkg.hashing_pool import HashingPool, PoolFull

Value = TypeVar("Value")

_HASH: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
# A hash in the database may come from elsewhere: one of cost 31 would keep a core busy for days.
_COSTS: Final = range(4, 16)


class Overloaded(Unavailable):
    """The queue in front of the hashing threads is full."""

    reason = "overloaded"
    message = "Too many passwords are being checked; try again soon."


class BcryptPasswordHasher(PasswordHasher):
    """Hashes passwords with bcrypt.

    To say no takes the work of the highest cost that any hash is known to have, whoever it is said to: the
    cost that is set, or that of a hash from before it was lowered. Otherwise the time would tell whose
    password was hashed before the cost was changed, and so who has an account.

    Args:
        pool: Where hashing runs.
        cost: The base-2 logarithm of the rounds, 10 to 15; 12 takes about 0.2 s.

    """

    def __init__(self, pool: HashingPool, cost: int) -> None:
        self._pool = pool
        self._cost = cost
        self._highest = cost

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*, which has at most 72 bytes and no NUL."""
        return (await self._run(lambda: bcrypt.hashpw(password, bcrypt.gensalt(self._cost)))).decode()

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        """Return whether *hashed* was made from *password*; with `None`, work as long and say no."""
        cost = _cost(hashed) if hashed else None
        if hashed is None or cost is None or cost not in _COSTS:
            return await self._run(partial(_refuse, password, [self._highest]))
        self._highest = max(self._highest, cost)
        return await self._run(partial(_verify, password, hashed, range(cost, self._highest)))

    def is_outdated(self, hashed: str) -> bool:
        """Return whether *hashed* has a lower cost than is set now. A higher one is as good."""
        return (_cost(hashed) or 0) < self._cost

    def ensure_capacity(self) -> None:
        """Raise `Overloaded` if as many passwords wait as may wait."""
        if self._pool.is_full:
            raise Overloaded

    async def _run(self, work: Callable[[], Value]) -> Value:
        try:
            return await self._pool.run(work)
        except PoolFull as error:
            raise Overloaded from error


def _verify(password: bytes, hashed: str, missing: Iterable[int]) -> bool:
    """Return whether *hashed* was made from *password*; if not, after the work of all *missing* costs, too.

    The rounds of the costs from one to another, without the last, are those that the first lacks to be the
    last: 2**10 + (2**10 + 2**11) is 2**12.
    """
    return bcrypt.checkpw(password, hashed.encode()) or _refuse(password, missing)


def _refuse(password: bytes, costs: Iterable[int]) -> bool:
    """Return that it is wrong, after the work of *costs*."""
    for cost in costs:
        bcrypt.hashpw(password, bcrypt.gensalt(cost))
    return False


def _cost(hashed: str) -> int | None:
    """Return the cost that *hashed* was made at, or `None` if it is no hash of bcrypt's."""
    found = _HASH.fullmatch(hashed)
    return int(found[1]) if found else None
