"""To say no takes the same work, whoever it is said to, also while hashes of several costs exist."""

import random
import time
from collections.abc import Iterator
from statistics import median

import bcrypt
import pytest

from service.infrastructure.security.hash_schemes import Bcrypt
from service.infrastructure.security.passwords import PooledPasswordHasher
from service.pkg.hashing_pool import HashingPool

PASSWORD, WRONG = b"correct horse battery", b"correct horse cavalry"
TAIL = "a" * 53


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(threads=1, queue_size=4)
    yield pool
    pool.close()


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rounds each call of bcrypt takes; none are made."""
    taken: list[int] = []

    def hashpw(_: bytes, salt: bytes) -> bytes:
        taken.append(2 ** int(salt[4:6]))
        return salt + b"a" * 31

    def checkpw(password: bytes, hashed: bytes) -> bool:
        taken.append(2 ** int(hashed[4:6]))
        return password == PASSWORD

    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return taken


@pytest.mark.parametrize("cost", range(4, 16))
async def test_a_wrong_password_takes_the_rounds_of_the_cost_that_is_set(
    pool: HashingPool, rounds: list[int], cost: int
) -> None:
    """After 10 -> 12 it took 211 ms for who was not yet rehashed, and 730 ms for nobody."""
    passwords = PooledPasswordHasher(pool, Bcrypt(max(12, cost)))
    hashes = [None, "malformed", "$2b$31$" + TAIL, f"$2b${cost:02}${TAIL}", f"$2b$12${TAIL}"]
    totals = set()
    for hashed in hashes:
        rounds.clear()
        assert not await passwords.verify(WRONG, hashed)
        totals.add(sum(rounds))

    assert totals == {2 ** max(12, cost)}


async def test_nobody_follows_a_hash_of_a_higher_cost_than_is_set(
    pool: HashingPool, rounds: list[int]
) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(10))
    await passwords.verify(PASSWORD, f"$2b$12${TAIL}")
    for hashed in (None, f"$2b$10${TAIL}", f"$2b$12${TAIL}"):
        rounds.clear()
        assert not await passwords.verify(WRONG, hashed)
        assert sum(rounds) == 2**12


async def test_a_hash_that_is_not_looked_at_teaches_nothing(pool: HashingPool, rounds: list[int]) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(10))
    await passwords.verify(WRONG, "$2b$31$" + TAIL)
    rounds.clear()
    await passwords.verify(WRONG, None)

    assert sum(rounds) == 2**10


async def test_a_right_password_takes_its_own_rounds_only(pool: HashingPool, rounds: list[int]) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(12))

    assert await passwords.verify(PASSWORD, f"$2b$10${TAIL}")
    assert rounds == [2**10]


async def test_a_new_hash_has_the_cost_that_is_set(pool: HashingPool) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(4))
    await passwords.verify(WRONG, bcrypt.hashpw(PASSWORD, bcrypt.gensalt(6)).decode())

    assert (await passwords.hash(PASSWORD)).startswith("$2b$04$")


async def test_the_time_of_a_no_does_not_tell_hashes_of_two_costs_apart(pool: HashingPool) -> None:
    """Measured in CPU time, in rounds of one of each in random order."""
    passwords = PooledPasswordHasher(pool, Bcrypt(7))
    hashes = {cost: bcrypt.hashpw(PASSWORD, bcrypt.gensalt(cost)).decode() for cost in (4, 7)}
    cohorts: dict[str, str | None] = {"nobody": None, "old": hashes[4], "new": hashes[7]}
    times: dict[str, list[float]] = {name: [] for name in cohorts}
    for _ in range(25):
        for name in random.sample(sorted(cohorts), len(cohorts)):
            began = await pool.run(time.thread_time)
            await passwords.verify(WRONG, cohorts[name])
            times[name].append(await pool.run(time.thread_time) - began)
    medians = [median(each) for each in times.values()]

    assert max(medians) / min(medians) < 1.1
