"""Hashes of several schemes, by the vectors of those who made them, and the work that a no takes."""

import base64
from collections.abc import Iterator

import bcrypt
import pytest
import structlog

from service.infrastructure.security.hash_schemes import (
    MOST_KINDS,
    Argon2id,
    Bcrypt,
    Scheme,
    Scrypt,
    scheme_of,
)
from service.infrastructure.security.passwords import PooledPasswordHasher
from service.pkg.hashing_pool import HashingPool

# RFC 7914, 12.
SODIUM_CHLORIDE = base64.b64encode(b"SodiumChloride").decode().rstrip("=")
DIGEST = base64.b64encode(
    bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
).decode()
SCRYPT = f"$scrypt$ln=14,r=8,p=1${SODIUM_CHLORIDE}${DIGEST.rstrip('=')}"
# The tests of Argon2's reference implementation.
ARGON2ID = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
ARGON2ID_LANES = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
# Of htpasswd -B and of PHP.
# One salt, so that each process names its tests alike.
BCRYPT_2Y = bcrypt.hashpw(b"password", b"$2b$04$abcdefghijklmnopqrstuu").decode().replace("$2b$", "$2y$")
CHEAP = Argon2id(8, 1, 1)


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    pool = HashingPool(threads=1, queue_size=4)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("hashed", "password"),
    [
        (ARGON2ID, b"password"),
        (ARGON2ID_LANES, b"password"),
        (SCRYPT, b"pleaseletmein"),
        (BCRYPT_2Y, b"password"),
    ],
    ids=["argon2id", "two lanes", "scrypt", "2y"],
)
async def test_hashes_from_elsewhere_are_verified_and_outdated(
    pool: HashingPool, hashed: str, password: bytes
) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(5))

    assert await passwords.verify(password, hashed)
    assert passwords.is_outdated(hashed)


@pytest.mark.parametrize(("last", "others"), [(".", "/N"), ("O", "Pd"), ("e", "ft"), ("u", "v9")])
async def test_of_the_last_letter_of_a_salt_two_bits_count(pool: HashingPool, last: str, others: str) -> None:
    """The library refuses a salt where others are set, too. Some old systems did that."""
    salt, passwords = f"$2b$04${'a' * 21}", PooledPasswordHasher(pool, Bcrypt(4))
    digest = bcrypt.hashpw(b"password", f"{salt}{last}".encode()).decode()[len(salt) + 1 :]
    for other in others:
        assert await passwords.verify(b"password", f"{salt}{other}{digest}")
        assert not await passwords.verify(b"another", f"{salt}{other}{digest}")


async def test_another_password_is_not_that_of_a_hash_from_elsewhere(pool: HashingPool) -> None:
    passwords = PooledPasswordHasher(pool, Bcrypt(4))

    for hashed in (ARGON2ID, SCRYPT.replace("ln=14", "ln=4"), BCRYPT_2Y):
        assert not await passwords.verify(b"another", hashed)


async def test_argon2id_reads_all_of_a_password_and_bcrypt_refuses_what_it_would_not_read(
    pool: HashingPool,
) -> None:
    long, longer = b"a" * 1023 + b"b", b"a" * 72
    passwords = PooledPasswordHasher(pool, CHEAP)
    hashed = await passwords.hash(long)

    assert await passwords.verify(long, hashed)
    assert not await passwords.verify(b"a" * 1023 + b"c", hashed)
    assert not await passwords.verify(longer + b"a", Bcrypt(4).hash(longer))
    assert passwords.max_bytes == 1024


@pytest.mark.parametrize(
    ("hashed", "scheme"),
    [
        (ARGON2ID, Argon2id(256, 2, 1)),
        (SCRYPT, Scrypt(14, 8, 1)),
        (BCRYPT_2Y, Bcrypt(4)),
        (ARGON2ID.replace("m=256,t=2", "m=262144,t=4"), Argon2id(262144, 4, 1)),
        (ARGON2ID.replace("m=256,t=2", "m=262144,t=5"), None),
        (ARGON2ID.replace("m=256", "m=262145"), None),
        (ARGON2ID.replace("t=2", "t=99999"), None),
        (ARGON2ID.replace("p=1", "p=33"), None),
        (ARGON2ID.replace("v=19", "v=16"), None),
        (ARGON2ID.replace("argon2id", "argon2i"), None),
        (ARGON2ID.replace("$v=19", ""), None),
        (ARGON2ID[:-1] + "*", None),
        (ARGON2ID.replace("c29tZXNhbHQ", "c29tZXNhb"), None),
        (ARGON2ID[: ARGON2ID.rindex("$")] + "$" + "a" * 25, None),
        (ARGON2ID + "\n", None),
        (SCRYPT.replace("ln=14", "ln=18"), Scrypt(18, 8, 1)),
        (SCRYPT.replace("ln=14", "ln=19"), None),
        (SCRYPT.replace("ln=14", "ln=99"), None),
        (SCRYPT.replace("ln=14,r=8", "ln=16,r=1"), None),
        (SCRYPT.replace("p=1", "p=0"), None),
        ("$argon2id$v=19$m=\u0661\u0660\u0660,t=2,p=1$c29tZXNhbHQ$" + "a" * 43, None),
    ],
)
def test_a_hash_says_what_it_was_made_by_and_one_that_costs_too_much_is_none(
    hashed: str, scheme: Scheme | None
) -> None:
    assert scheme_of(hashed) == scheme


def test_the_dearest_settings_make_hashes_that_are_looked_at() -> None:
    assert scheme_of(ARGON2ID.replace("m=256,t=2,p=1", "m=131072,t=8,p=16")) == Argon2id(131072, 8, 16)


@pytest.mark.parametrize(
    ("scheme", "hashed", "is_outdated"),
    [
        (Argon2id(256, 2, 1), ARGON2ID, False),
        (Argon2id(512, 1, 1), ARGON2ID, False),
        (Argon2id(128, 2, 1), ARGON2ID, False),
        (Argon2id(257, 2, 1), ARGON2ID, True),
        (Argon2id(256, 2, 1), BCRYPT_2Y, True),
        (Argon2id(256, 2, 1), SCRYPT, True),
        (Bcrypt(4), BCRYPT_2Y, False),
        (Bcrypt(4), ARGON2ID, True),
    ],
)
def test_another_scheme_or_less_work_is_outdated(
    pool: HashingPool, scheme: Bcrypt | Argon2id, hashed: str, *, is_outdated: bool
) -> None:
    assert PooledPasswordHasher(pool, scheme).is_outdated(hashed) is is_outdated


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[Scheme]:
    """What was computed, to compare with a hash or for nothing; in truth, nothing is."""
    computed: list[Scheme] = []

    def spend(scheme: Scheme) -> None:
        computed.append(scheme)

    def compare(scheme: Scheme, password: bytes, _hashed: str) -> bool:
        computed.append(scheme)
        return password == b"right"

    for kind in (Bcrypt, Argon2id, Scrypt):
        monkeypatch.setattr(kind, "spend", spend)
        monkeypatch.setattr(kind, "matches", compare)
    return computed


def work(computed: list[Scheme]) -> tuple[int, set[Scheme], int]:
    """Return the rounds of bcrypt, the other computations, and how many these are."""
    others = [each for each in computed if not isinstance(each, Bcrypt)]
    return sum(2**each.cost for each in computed if isinstance(each, Bcrypt)), set(others), len(others)


@pytest.mark.parametrize("scheme", [Bcrypt(12), Argon2id(19456, 2, 1)])
async def test_a_no_takes_the_work_of_every_scheme_whoever_it_is_said_to(
    pool: HashingPool, spent: list[Scheme], scheme: Bcrypt | Argon2id
) -> None:
    passwords = PooledPasswordHasher(pool, scheme)
    tail = "$2b${}$" + "a" * 53
    hashes = [ARGON2ID, ARGON2ID_LANES, SCRYPT, tail.format("10"), tail.format("13")]
    for hashed in hashes:
        assert await passwords.verify(b"right", hashed)
    assert spent == [scheme_of(each) for each in hashes]  # a yes takes its own work only

    others = {Argon2id(256, 2, 1), Argon2id(256, 2, 2), Scrypt(14, 8, 1)}
    others |= {scheme} if isinstance(scheme, Argon2id) else set()
    for refused in (None, "malformed", ARGON2ID.replace("v=19", "v=16"), *hashes, tail.format("04")):
        spent.clear()
        assert not await passwords.verify(b"wrong", refused)
        assert work(spent) == (2**13, others, len(others))


@pytest.mark.parametrize("hashed", [None, "$2b$12$" + "a" * 53])
async def test_a_no_is_known_as_soon_as_a_yes_would_have_been(
    pool: HashingPool, spent: list[Scheme], hashed: str | None
) -> None:
    """What comes after that only takes time; and it is known as soon of somebody who does not exist."""
    passwords, known = PooledPasswordHasher(pool, Bcrypt(12)), list[int]()
    for other in (ARGON2ID, "$2b$13$" + "a" * 53):
        assert await passwords.verify(b"right", other, lambda: known.append(0))
    spent.clear()
    assert not await passwords.verify(b"wrong", hashed, lambda: known.append(len(spent)))

    assert known == [1]
    assert spent[0] == Bcrypt(12)
    assert len(spent) == 3


async def test_no_work_is_done_for_schemes_that_nobody_has(pool: HashingPool, spent: list[Scheme]) -> None:
    """Operators who never had another scheme pay for none."""
    for scheme in (Bcrypt(12), Argon2id(19456, 2, 1)):
        spent.clear()
        assert not await PooledPasswordHasher(pool, scheme).verify(b"wrong", None)
        assert spent == [scheme]


async def test_no_more_kinds_than_may_be_make_a_no_dearer(pool: HashingPool, spent: list[Scheme]) -> None:
    """A thousand kinds, brought along by an import, made each wrong password cost a thousand hashes."""
    passwords = PooledPasswordHasher(pool, Bcrypt(12))
    many = [ARGON2ID.replace("m=256", f"m={256 + each}") for each in range(1000)]
    with structlog.testing.capture_logs() as logs:
        for hashed in (*many, "$2b$13$" + "a" * 53):
            assert await passwords.verify(b"right", hashed)  # whoever has one of them logs in all the same
    spent.clear()
    assert not await passwords.verify(b"wrong", None)

    others = {Argon2id(256 + each, 2, 1) for each in range(MOST_KINDS - 1)}
    assert work(spent) == (2**13, others, len(others))
    assert len(logs) == 1000 - len(others)
    assert logs[0]["kind"] == str(Argon2id(256 + len(others), 2, 1))
