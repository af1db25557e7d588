"""Passwords as bcrypt hashes, made in a pool of threads."""

import re
import secrets
from collections.abc import Callable
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
    """Too many passwords are being checked; try again soon."""


class BcryptPasswords(PasswordHasher):
    """Hashes passwords with bcrypt.

    Args:
        pool: Where hashing runs.
        cost: The base-2 logarithm of the rounds, 10 to 15; 12 takes about 0.2 s.

    """

    def __init__(self, pool: HashingPool, cost: int) -> None:
        self._pool = pool
        self._cost = cost
        # For users who cannot log in; nobody knows the password, this service included.
        self._nobodys_hash = bcrypt.hashpw(secrets.token_hex().encode(), bcrypt.gensalt(cost)).decode()

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*, which has at most 72 bytes and no NUL."""
        return (await self._run(lambda: bcrypt.hashpw(password, bcrypt.gensalt(self._cost)))).decode()

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        """Return whether *hashed* was made from *password*; with `None`, work as long and say no."""
        usable = hashed is not None and _cost(hashed) in _COSTS
        against = (hashed if hashed and usable else self._nobodys_hash).encode()
        matches = await self._run(lambda: bcrypt.checkpw(password, against))
        return matches and usable

    def is_outdated(self, hashed: str) -> bool:
        """Return whether *hashed* has another cost than is set now."""
        return _cost(hashed) != self._cost

    def require_room(self) -> None:
        """Raise `Overloaded` if as many passwords wait as may wait."""
        if self._pool.is_full:
            raise Overloaded

    async def _run(self, work: Callable[[], Value]) -> Value:
        try:
            return await self._pool.run(work)
        except PoolFull as error:
            raise Overloaded from error


def _cost(hashed: str) -> int | None:
    """Return the cost that *hashed* was made at, or `None` if it is no hash of bcrypt's."""
    found = _HASH.fullmatch(hashed)
    return int(found[1]) if found else None
