from collections.abc import Iterator

import bcrypt
import pytest

from service.infrastructure.security.hash_schemes import Bcrypt
from service.infrastructure.security.passwords import Overloaded, PooledPasswordHasher
from service.pkg.hashing_pool import HashingPool
from tests.unit.pools import busy

PASSWORD = b"correct horse battery"


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(threads=1, queue_size=4)
    yield pool
    pool.close()


@pytest.fixture
def passwords(pool: HashingPool) -> PooledPasswordHasher:
    return PooledPasswordHasher(pool, Bcrypt(4))


async def test_a_hash_is_bcrypts_at_the_given_cost(passwords: PooledPasswordHasher) -> None:
    hashed = await passwords.hash(PASSWORD)

    assert hashed.startswith("$2b$04$")
    assert bcrypt.checkpw(PASSWORD, hashed.encode())


async def test_72_bytes_all_count(passwords: PooledPasswordHasher) -> None:
    hashed = await passwords.hash(b"a" * 72)

    assert await passwords.verify(b"a" * 72, hashed)
    assert not await passwords.verify(b"a" * 71 + b"b", hashed)


async def test_a_hash_of_another_cost_is_verified(passwords: PooledPasswordHasher) -> None:
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(5)).decode()

    assert await passwords.verify(PASSWORD, hashed)


async def test_too_much_work_is_refused_as_overloaded() -> None:
    pool = HashingPool(threads=1, queue_size=0)
    passwords = PooledPasswordHasher(pool, Bcrypt(4))
    async with busy(pool):
        with pytest.raises(Overloaded):
            await passwords.hash(PASSWORD)
        with pytest.raises(Overloaded):
            await passwords.verify(PASSWORD, None)
        with pytest.raises(Overloaded):
            passwords.ensure_capacity()

    passwords.ensure_capacity()
    assert Overloaded.retryable
    pool.close()


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "nonsense",
        "$2b$31$" + "a" * 53,
        "$2b$16$" + "a" * 53,
        "$2b$03$" + "a" * 53,
        "$2b$99$" + "a" * 53,
        "$2b$04$" + "a" * 52,
        "$2b$04$" + "a" * 54,
        "$2b$04$" + "!" * 53,
        "$2x$04$" + "a" * 53,
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "$2b$04$\u0661" + "a" * 52,
        "\ud800",
    ],
)
async def test_a_hostile_or_malformed_hash_is_just_wrong_and_not_looked_at(
    passwords: PooledPasswordHasher, monkeypatch: pytest.MonkeyPatch, hashed: str
) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: True)

    assert not await passwords.verify(PASSWORD, hashed)


@pytest.mark.parametrize("cost", [4, 15])
async def test_costs_that_can_be_borne_are_checked(
    passwords: PooledPasswordHasher, monkeypatch: pytest.MonkeyPatch, cost: int
) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", lambda _, hashed: hashed.startswith(f"$2b${cost:02}$".encode()))

    assert await passwords.verify(PASSWORD, f"$2b${cost:02}${'a' * 53}")


@pytest.mark.parametrize(("cost", "is_outdated"), [("10", True), ("11", False), ("12", False), ("15", False)])
def test_a_hash_of_a_lower_cost_is_outdated_and_no_other(
    pool: HashingPool, cost: str, *, is_outdated: bool
) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(11))

    assert passwords.is_outdated(f"$2b${cost}${'a' * 53}") is is_outdated
    assert passwords.is_outdated("nonsense")


TAIL = "a" * 21 + "u" + "a" * 31


@pytest.fixture
def dearer_passwords(pool: HashingPool) -> PooledPasswordHasher:
    return PooledPasswordHasher(pool, Bcrypt(5))


async def test_a_right_password_is_right_and_a_wrong_one_wrong(
    dearer_passwords: PooledPasswordHasher,
) -> None:
    hashed = await dearer_passwords.hash(PASSWORD)

    assert hashed.startswith("$2b$05$")
    assert await dearer_passwords.verify(PASSWORD, hashed) is True
    assert await dearer_passwords.verify(b"wrong", hashed) is False
    assert await dearer_passwords.hash(PASSWORD) != hashed


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_a_hash_of_an_older_kind_is_verified(
    dearer_passwords: PooledPasswordHasher, prefix: bytes
) -> None:
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4, prefix)).decode()

    assert await dearer_passwords.verify(PASSWORD, hashed) is True


@pytest.mark.parametrize(
    ("hashed", "is_looked_at"),
    [
        (f"$2b$04${TAIL}", True),
        (f"$2y$15${TAIL}", True),
        (f"$2b$10${TAIL}", True),
        (f"$2b$03${TAIL}", False),
        (f"$2b$16${TAIL}", False),
        (f"$2b$31${TAIL}", False),
        (f"$2b$99${TAIL}", False),
        (f"$2x$10${TAIL}", False),
        (f"$2b$10${TAIL}a", False),
        (f"$2b$10${TAIL[1:]}", False),
        (f" $2b$10${TAIL}", False),
        ("", False),
        ("not a hash", False),
        (None, False),
    ],
)
async def test_a_hash_is_looked_at_only_within_bounds(
    dearer_passwords: PooledPasswordHasher,
    monkeypatch: pytest.MonkeyPatch,
    hashed: str | None,
    *,
    is_looked_at: bool,
) -> None:
    seen: list[bytes] = []

    def yes(password: bytes, against: bytes) -> bool:
        assert password == PASSWORD
        seen.append(against)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", yes)

    assert await dearer_passwords.verify(PASSWORD, hashed) is is_looked_at
    assert [each.decode() for each in seen] == [hashed] * is_looked_at


@pytest.mark.parametrize(
    ("hashed", "outdated"),
    [(f"$2b$05${TAIL}", False), (f"$2b$04${TAIL}", True), (f"$2b$06${TAIL}", False), ("none", True)],
)
def test_a_hash_of_a_lower_cost_or_none_is_outdated(
    dearer_passwords: PooledPasswordHasher, hashed: str, *, outdated: bool
) -> None:
    assert dearer_passwords.is_outdated(hashed) is outdated
