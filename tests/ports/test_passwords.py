from collections.abc import Iterator

import pytest

from service.app.auth.passwords import PasswordHasher
from service.infrastructure.security.hash_schemes import Argon2id, Bcrypt
from service.infrastructure.security.passwords import PooledPasswordHasher
from service.pkg.hashing_pool import HashingPool
from tests.fakes.passwords import FakePasswords

PASSWORD = b"correct horse battery"


@pytest.fixture
def fake_passwords() -> PasswordHasher:
    return FakePasswords()


@pytest.fixture
def bcrypt_passwords() -> Iterator[PasswordHasher]:
    pool = HashingPool(threads=1, queue_size=1)
    yield PooledPasswordHasher(pool, Bcrypt(4))
    pool.close()


@pytest.fixture
def argon2id_passwords() -> Iterator[PasswordHasher]:
    pool = HashingPool(threads=1, queue_size=1)
    yield PooledPasswordHasher(pool, Argon2id(8, 1, 1))
    pool.close()


@pytest.fixture(params=["fake", "bcrypt", "argon2id"])
def passwords(request: pytest.FixtureRequest) -> PasswordHasher:
    chosen: PasswordHasher = request.getfixturevalue(f"{request.param}_passwords")
    return chosen


@pytest.mark.parametrize("password", [PASSWORD, b"", b"x", b"\xff" * 72, "p\u00e4ss".encode()])
async def test_a_password_matches_its_hash(passwords: PasswordHasher, password: bytes) -> None:
    assert await passwords.verify(password, await passwords.hash(password))


@pytest.mark.parametrize("other", [b"", PASSWORD[:-1], PASSWORD + b" ", PASSWORD.upper(), b"-"])
async def test_another_password_does_not(passwords: PasswordHasher, other: bytes) -> None:
    assert not await passwords.verify(other, await passwords.hash(PASSWORD))


@pytest.mark.parametrize("password", [PASSWORD, b"", b"-", b"None"])
async def test_nobody_has_a_password(passwords: PasswordHasher, password: bytes) -> None:
    assert not await passwords.verify(password, None)


async def test_a_hash_does_not_hold_the_password(passwords: PasswordHasher) -> None:
    assert PASSWORD.decode() not in await passwords.hash(PASSWORD)
