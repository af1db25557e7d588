from datetime import timedelta
from functools import partial

import pytest

from service.domain.errors import Unavailable
from service.infrastructure.security import caching_password_hasher
from service.infrastructure.security.caching_password_hasher import CachingPasswordHasher
from tests.fakes.clock import FakeClock
from tests.fakes.passwords import FakePasswords, fake_hash

RIGHT, HASHED = b"correct horse", fake_hash(b"correct horse")


class FullHouse(FakePasswords):
    """Has no room."""

    def ensure_capacity(self) -> None:
        raise Unavailable


class Stand:
    """The cache, and what it saves work."""

    def __init__(self) -> None:
        self.clock, self.hasher = FakeClock(), FakePasswords()
        self.passwords = CachingPasswordHasher(
            self.hasher, timedelta(seconds=60), lambda: self.clock.now().timestamp()
        )


@pytest.fixture
def stand() -> Stand:
    return Stand()


async def test_a_right_password_is_checked_once(stand: Stand) -> None:
    assert [await stand.passwords.verify(RIGHT, HASHED) for _ in range(3)] == [True] * 3
    assert stand.hasher.verified == 1


def test_a_remembered_password_needs_no_room() -> None:
    full = CachingPasswordHasher(FullHouse(), timedelta(seconds=60))

    assert full.ensure_capacity() is None  # type: ignore[func-returns-value]


async def test_a_wrong_password_takes_the_full_way_each_time(stand: Stand) -> None:
    await stand.passwords.verify(RIGHT, HASHED)

    assert [await stand.passwords.verify(b"wrong", HASHED) for _ in range(3)] == [False] * 3
    assert stand.hasher.verified == 4
    assert await stand.passwords.verify(RIGHT, HASHED)
    assert stand.hasher.verified == 4


async def test_what_is_not_the_password_that_is_remembered_is_wrong_at_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the right one is right at once: whoever stops waiting has learnt as much."""
    known: list[bytes] = []
    await stand.passwords.verify(RIGHT, HASHED, lambda: known.append(RIGHT))

    async def full(*_: object) -> bool:
        raise Unavailable

    monkeypatch.setattr(stand.hasher, "verify", full)
    for password, hashed in ((b"wrong", HASHED), (b"another", "old"), (b"nobody's", None)):
        with pytest.raises(Unavailable):
            await stand.passwords.verify(password, hashed, partial(known.append, password))
    assert known == [b"wrong"]


async def test_another_hash_of_the_same_password_is_another(stand: Stand) -> None:
    await stand.passwords.verify(RIGHT, HASHED)

    assert await stand.passwords.verify(RIGHT, f"old {HASHED}")
    assert stand.hasher.verified == 2


async def test_nobody_is_never_remembered(stand: Stand) -> None:
    assert [await stand.passwords.verify(RIGHT, None) for _ in range(2)] == [False] * 2
    assert stand.hasher.verified == 2


async def test_using_it_does_not_prolong_its_life(stand: Stand) -> None:
    for _ in range(6):
        await stand.passwords.verify(RIGHT, HASHED)
        stand.clock.advance(seconds=10)
    assert stand.hasher.verified == 1

    assert await stand.passwords.verify(RIGHT, HASHED)
    assert stand.hasher.verified == 2


async def test_the_one_used_longest_ago_is_forgotten_first(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching_password_hasher, "_MOST", 2)
    one, two, three = (bytes([each]) for each in range(3))
    for password in (one, two, one, three):
        await stand.passwords.verify(password, fake_hash(password))
    assert stand.hasher.verified == 3
    await stand.passwords.verify(one, fake_hash(one))
    assert stand.hasher.verified == 3
    await stand.passwords.verify(two, fake_hash(two))

    assert stand.hasher.verified == 4


async def test_all_else_is_asked_of_the_hasher(stand: Stand) -> None:
    assert await stand.passwords.hash(RIGHT) == HASHED
    assert [stand.passwords.is_outdated(each) for each in (HASHED, "old")] == [False, True]
