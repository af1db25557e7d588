import time
from collections.abc import Iterator

import pytest
from zxcvbn import zxcvbn
from zxcvbn.matching import RANKED_DICTIONARIES

from service.infrastructure.security.passwords import Overloaded
from service.infrastructure.security.weak_passwords import ZxcvbnPasswords, score
from service.pkg.hashing_pool import HashingPool

NAMES = ("Wilhelmina", "Ackermann")


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(1, 8)
    yield pool
    pool.close()


WEAK = ["Password1!", "Summer2024!", "Wilhelmina2024", "qwerty123456", "abcabcabc"]
STRONG = ["correct horse battery", "ackermann feeds 7 slow otters", "x7#kQ!pL02vz"]


@pytest.mark.parametrize("password", WEAK)
async def test_what_meets_rules_on_kinds_of_characters_may_be_weak(pool: HashingPool, password: str) -> None:
    assert await ZxcvbnPasswords(pool, 3).contains(password, NAMES)


@pytest.mark.parametrize("password", STRONG)
async def test_what_is_hard_to_guess_is_not(pool: HashingPool, password: str) -> None:
    assert not await ZxcvbnPasswords(pool, 3).contains(password, NAMES)


@pytest.mark.parametrize("password", [*WEAK, *STRONG, "Ottoline77", "aaaaaaaa", "2026-11-26"])
def test_scores_are_those_of_zxcvbn(password: str) -> None:
    assert score(password, NAMES) == zxcvbn(password, list(NAMES))["score"]
    assert "user_inputs" in RANKED_DICTIONARIES  # its own doing, of which ours does nothing
    del RANKED_DICTIONARIES["user_inputs"]
    assert score(password, NAMES) >= 0
    assert "user_inputs" not in RANKED_DICTIONARIES


async def test_the_names_of_the_user_count_for_nothing(pool: HashingPool) -> None:
    weak = ZxcvbnPasswords(pool, 2)

    assert not await weak.contains("Ottoline77", ())
    assert await weak.contains("Ottoline77", ("Ottoline",))
    assert not await weak.contains("Ottoline77", ())  # of another user: nothing is remembered


async def test_what_was_chosen_to_take_long_takes_no_longer_than_a_hash(pool: HashingPool) -> None:
    """Of a core, and not of the clock: nobody else's work counts. Without a bound it is two seconds."""
    began = time.process_time()
    await ZxcvbnPasswords(pool, 3).contains(("4@8({[369&#!1|0$57+%2" * 4)[:72], NAMES)

    assert time.process_time() - began < 1.0


async def test_a_full_pool_is_said() -> None:
    full = HashingPool(1, 0)
    full._take_place()  # noqa: SLF001 - as by a password that is hashed
    with pytest.raises(Overloaded):
        await ZxcvbnPasswords(full, 3).contains("correct horse", ())
    full.close()
