"""What mutants of `service/infrastructure/crypto/passwords.py` would get wrong."""

from collections.abc import Iterator

import bcrypt
import pytest

from service.infrastructure.crypto.passwords import BcryptPasswords
from service.pkg.hashing_pool import HashingPool

PASSWORD = b"correct horse battery"
TAIL = "a" * 53


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(threads=1, waiting=4)
    yield pool
    pool.close()


@pytest.fixture
def passwords(pool: HashingPool) -> BcryptPasswords:
    return BcryptPasswords(pool, cost=5)


async def test_a_right_password_is_right_and_a_wrong_one_wrong(passwords: BcryptPasswords) -> None:
    hashed = await passwords.hash(PASSWORD)

    assert hashed.startswith("$2b$05$")
    assert await passwords.verify(PASSWORD, hashed) is True
    assert await passwords.verify(b"wrong", hashed) is False
    assert await passwords.hash(PASSWORD) != hashed


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_a_hash_of_an_older_kind_is_verified(passwords: BcryptPasswords, prefix: bytes) -> None:
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4, prefix)).decode()

    assert await passwords.verify(PASSWORD, hashed) is True


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
    passwords: BcryptPasswords, monkeypatch: pytest.MonkeyPatch, hashed: str | None, *, is_looked_at: bool
) -> None:
    seen: list[bytes] = []

    def yes(password: bytes, against: bytes) -> bool:
        assert password == PASSWORD
        seen.append(against)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", yes)

    assert await passwords.verify(PASSWORD, hashed) is is_looked_at
    assert [each.decode() for each in seen] == [hashed] * is_looked_at


@pytest.mark.parametrize(
    ("hashed", "outdated"),
    [(f"$2b$05${TAIL}", False), (f"$2b$04${TAIL}", True), (f"$2b$06${TAIL}", False), ("none", True)],
)
def test_a_hash_of_a_lower_cost_is_outdated(
    passwords: BcryptPasswords, hashed: str, *, outdated: bool
) -> None:
    assert passwords.is_outdated(hashed) is outdated
