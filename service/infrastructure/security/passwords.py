"""Passwords as hashes of bcrypt or argon2id, made in a pool of threads."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import structlog

from service.app.auth.passwords import PasswordHasher
from service.domain.errors import Unavailable
from service.infrastructure.security.hash_schemes import (
    MOST_KINDS,
    Argon2id,
    Bcrypt,
    Scheme,
    kind_of,
    scheme_of,
)
from service.pkg.hashing_pool import HashingPool, PoolFull

Value = TypeVar("Value")

_log = structlog.get_logger("profile.passwords")


class Overloaded(Unavailable):
    """The queue in front of the hashing threads is full."""

    reason = "overloaded"
    message = "Too many passwords are being checked; try again soon."


async def run_in_pool(pool: HashingPool, work: Callable[[], Value]) -> Value:
    """Return what *work* returns, which a thread of *pool* does, or raise `Overloaded`."""
    try:
        return await pool.run(work)
    except PoolFull as error:
        raise Overloaded from error


class PooledPasswordHasher(PasswordHasher):
    """Hashes passwords by one scheme, and verifies hashes of all.

    To say no takes the work of all schemes that hashes are known to have, whoever it is said to: of the one
    that is set, and of those of stored hashes, from before it was changed or from elsewhere. Otherwise the
    time would tell whose password was hashed otherwise, and so who has an account. An import lets
    `MOST_KINDS` in, as a thousand would make a refusal take minutes; of more than that the first ones count.

    Args:
        pool: Where hashing runs.
        scheme: What new hashes are made by.

    """

    def __init__(self, pool: HashingPool, scheme: Bcrypt | Argon2id) -> None:
        self._pool = pool
        self._scheme = scheme
        self._known: frozenset[Scheme] = frozenset({scheme})

    @property
    def max_bytes(self) -> int:
        """How long a password may be that is to be hashed."""
        return self._scheme.max_bytes

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*, which has at most `max_bytes` and no NUL."""
        return await run_in_pool(self._pool, partial(self._scheme.hash, password))

    async def verify(
        self, password: bytes, hashed: str | None, on_mismatch: Callable[[], None] = lambda: None
    ) -> bool:
        """Return whether *hashed* was made from *password*; with `None`, work as long and say no."""
        scheme = scheme_of(hashed) if hashed else None
        compare: Callable[[], object]
        if hashed is None or scheme is None:
            scheme, compare = self._scheme, self._scheme.spend
        else:
            self._learn(scheme)
            compare = partial(scheme.matches, password, hashed)
        work = partial(_verify, compare, on_mismatch, _beyond(scheme, self._known))
        return await run_in_pool(self._pool, work)

    def is_outdated(self, hashed: str) -> bool:
        """Return whether *hashed* is of another scheme than is set now, or a cheaper one."""
        return not self._scheme.is_met_by(scheme_of(hashed))

    def ensure_capacity(self) -> None:
        """Raise `Overloaded` if as many passwords wait as may wait."""
        if self._pool.is_full:
            raise Overloaded

    def _learn(self, scheme: Scheme) -> None:
        known = self._known | {scheme}
        if len({kind_of(each) for each in known}) <= MOST_KINDS:
            self._known = known
        else:
            _log.warning("too many kinds of hashes", kind=kind_of(scheme))


def _verify(compare: Callable[[], object], on_mismatch: Callable[[], None], beyond: Iterable[Scheme]) -> bool:
    """Return whether *compare* says that it is right; if not, after the work of those *beyond*, too."""
    if compare():
        return True
    on_mismatch()
    for scheme in beyond:
        scheme.spend()
    return False


def _beyond(done: Scheme, known: frozenset[Scheme]) -> list[Scheme]:
    """Return what is left of the work of all *known* schemes after that of one of them.

    bcrypt of cost n is twice the work of cost n - 1, so its highest cost stands for all. After a lower one,
    what is left of that is the work of each cost from the lower one up to just below the highest: after 10,
    up to 12, once more 10 and once 11. Others do not add up like that, so that each of them is paid.
    """
    others: list[Scheme] = [each for each in known - {done} if not isinstance(each, Bcrypt)]
    highest = max((each.cost for each in known if isinstance(each, Bcrypt)), default=None)
    if highest is None:
        return others
    costs = range(done.cost, highest) if isinstance(done, Bcrypt) else [highest]
    return [*others, *map(Bcrypt, costs)]
