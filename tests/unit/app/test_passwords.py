import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from service.app.auth.budgets import Attempt, Counters
from service.app.auth.passwords import (
    BreachedPasswords,
    CommonPasswords,
    CurrentPasswordRequired,
    InvalidCredentials,
    PasswordBreached,
    PasswordHasher,
    Passwords,
    PasswordTooCommon,
    PasswordTooPersonal,
    PasswordTooWeak,
    WeakPasswords,
)
from service.app.auth.throttle import (
    AttemptCounters,
    KeyedLock,
    Outcome,
    ReservationResult,
    Throttle,
    TooManyAttempts,
)
from service.domain.errors import Unavailable
from service.domain.password import PasswordTooShort
from service.domain.profile import Profile, Status
from tests.builders import a_profile
from tests.fakes.profiles import FakeProfiles

PASSWORD = "correct horse"
ATTEMPT = Attempt("ada@example.org")


def hash_of(password: bytes) -> str:
    return f"old {password.hex()}"


@dataclass(slots=True)
class Hasher(PasswordHasher):
    """Hashes at once and keeps a journal; hashes that begin with `old` are outdated."""

    journal: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    down: bool = False
    full: bool = False

    @property
    def max_bytes(self) -> int:
        return 72

    async def hash(self, password: bytes) -> str:
        self.journal.append(("hash", password, None))
        if self.full:
            raise Unavailable
        return f"new {password.hex()}"

    async def verify(
        self, password: bytes, hashed: str | None, on_mismatch: Callable[[], None] = lambda: None
    ) -> bool:
        self.journal.append(("verify", password, hashed))
        if self.down:
            raise Unavailable
        matches = hashed is not None and hashed.partition(" ")[2] == password.hex()
        if not matches:
            on_mismatch()
        return matches

    def ensure_capacity(self) -> None:
        raise NotImplementedError  # only a login asks, and none is made here

    def is_outdated(self, hashed: str) -> bool:
        return hashed.startswith("old")


@dataclass(slots=True)
class Journal(AttemptCounters):
    """Lets everything through, unless it is locked, and keeps the outcomes."""

    is_locked: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    async def reserve(self, reservation: str, counters: Counters) -> tuple[ReservationResult, int]:
        assert reservation
        assert counters.own.name
        return (ReservationResult.LOCKED, 30_000) if self.is_locked else (ReservationResult.RESERVED, 0)

    async def settle(self, reservation: str, counters: Counters, outcome: Outcome) -> None:
        assert reservation
        assert counters.own.name
        self.outcomes.append(outcome)

    async def reset(self, counters: Counters) -> None:
        assert counters.own.name
        self.is_locked = False


@dataclass(frozen=True, slots=True)
class Common(CommonPasswords):
    """Knows two."""

    def __contains__(self, password: str) -> bool:
        return password.casefold() in {"password1", "sunshine"}


@dataclass(frozen=True, slots=True)
class PasswordsFixture:
    """Passwords with everything behind them."""

    hasher: Hasher
    counters: Journal
    profiles: FakeProfiles
    passwords: Passwords


def a_fixture(*profiles: Profile) -> PasswordsFixture:
    hasher, counters, stored = Hasher(), Journal(), FakeProfiles(*profiles)
    return PasswordsFixture(
        hasher, counters, stored, Passwords(hasher, Common(), Throttle(counters, KeyedLock()), stored)
    )


def a_user(**changes: object) -> Profile:
    return a_profile(**{"hashed_password": f"new {PASSWORD.encode().hex()}", **changes})


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (CurrentPasswordRequired, "current_password"),
        (PasswordTooCommon, "password"),
        (PasswordTooPersonal, "password"),
    ],
)
def test_a_refusal_blames_its_field(error: type[CurrentPasswordRequired], name: str) -> None:
    assert error.field == name


async def test_a_new_password_is_hashed_in_its_normal_form() -> None:
    fixture = a_fixture()

    assert await fixture.passwords.hash_new("\uff21\uff22\uff23\uff24efgh", ()) == f"new {b'ABCDefgh'.hex()}"
    assert fixture.hasher.journal == [("hash", b"ABCDefgh", None)]


@pytest.mark.parametrize(
    "password",
    ["password1", "PassWord1", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff11", "sunshine"],
)
async def test_a_common_password_is_refused_unhashed_in_every_spelling(password: str) -> None:
    fixture = a_fixture()

    with pytest.raises(PasswordTooCommon):
        await fixture.passwords.hash_new(password, ())
    assert fixture.hasher.journal == []


class Leaked(BreachedPasswords):
    """Knows one."""

    async def contains(self, password: str) -> bool:
        return password == "correct horse"


async def test_a_password_that_has_leaked_is_refused_unhashed() -> None:
    fixture = a_fixture()
    passwords = replace(fixture.passwords, breached=Leaked())

    with pytest.raises(PasswordBreached) as refused:
        await passwords.hash_new("correct\u00a0horse", (), "new_password")  # NFKC makes a blank of it
    assert refused.value.field == "new_password"
    assert fixture.hasher.journal == []
    assert await passwords.hash_new("a better horse", ())


class Guessed(WeakPasswords):
    """Knows what begins with a word that others know."""

    async def contains(self, password: str, personal: tuple[str, ...]) -> bool:
        return password.startswith(personal)


async def test_a_weak_password_is_refused_unhashed_if_that_is_asked_for() -> None:
    fixture = a_fixture()
    passwords = replace(fixture.passwords, weak=Guessed())

    with pytest.raises(PasswordTooWeak) as refused:
        await passwords.hash_new("Ada loves a horse", ("Ada",), "new_password")
    assert refused.value.field == "new_password"
    assert fixture.hasher.journal == []
    assert await fixture.passwords.hash_new("Ada loves a horse", ("Ada",))
    assert await passwords.hash_new("a better horse", ("Ada",))


async def test_a_short_password_is_refused_unhashed() -> None:
    fixture = a_fixture()

    with pytest.raises(PasswordTooShort):
        await fixture.passwords.hash_new("1234567", ())
    assert fixture.hasher.journal == []


@pytest.mark.parametrize(
    "password",
    [
        "lovelace",
        "Lovelace1",
        "LOVELACE1234",
        "adalovelace",
        "LovelaceAda2026",
        "1lovelace!",
        "\uff4covelace12",
    ],
)
async def test_a_password_of_ones_own_name_is_refused(password: str) -> None:
    with pytest.raises(PasswordTooPersonal):
        await a_fixture().passwords.hash_new(password, ("Lovelace", "Ada"))


@pytest.mark.parametrize(
    "password", ["lovelace12345", "Lovelace rides", "12345678", "wxyz wxyz", "Charles Babbage"]
)
async def test_a_password_with_enough_beside_the_name_is_not(password: str) -> None:
    assert await a_fixture().passwords.hash_new(password, ("Lovelace", "Ada"))


@pytest.mark.parametrize("password", ["acmecorp", "ACMEcorp2026", "AcmeCorp Ada!"])
async def test_a_password_of_words_of_the_organisation_is_refused(password: str) -> None:
    passwords = replace(a_fixture().passwords, weak=Guessed(), context_words=("Acme", "Corp", "Rocket"))

    with pytest.raises(PasswordTooCommon):
        await passwords.hash_new(password, ("Lovelace", "Ada"))
    with pytest.raises(PasswordTooWeak):  # what estimates how soon one is guessed knows them, too
        await passwords.hash_new("Rocket science is hard", ("Lovelace", "Ada"))
    assert await passwords.hash_new("a horse of Acme Corp", ("Lovelace", "Ada"))


async def test_a_password_of_few_characters_is_not_personal_for_that() -> None:
    assert await a_fixture().passwords.hash_new("\U0001f40e" * 8, ("Lovelace", "Ada"))


async def test_a_password_is_not_personal_without_any_words() -> None:
    assert await a_fixture().passwords.hash_new("abcd1234", ())


async def test_the_right_password_proves_it_and_is_counted_as_right() -> None:
    user = a_user()
    fixture = a_fixture(user)

    assert await fixture.passwords.verify_credentials(PASSWORD, user, ATTEMPT) == user
    assert fixture.counters.outcomes == [Outcome.RIGHT]
    assert fixture.hasher.journal == [("verify", PASSWORD.encode(), user.hashed_password)]


@pytest.mark.parametrize(
    ("status", "password", "seen", "has_hash"),
    [
        (Status.ACTIVE, "wrong horse", b"wrong horse", True),
        (Status.SUSPENDED, PASSWORD, PASSWORD.encode(), False),
        (Status.DELETED, PASSWORD, PASSWORD.encode(), False),
        (None, PASSWORD, PASSWORD.encode(), False),
        (Status.ACTIVE, "a" * 1025, b"-", False),
        (Status.ACTIVE, "nul\0nul\0", b"-", False),
        (Status.ACTIVE, "\ud800", b"-", False),
    ],
)
async def test_every_refusal_is_one_verification_and_one_wrong_attempt(
    status: Status | None, password: str, seen: bytes, *, has_hash: bool
) -> None:
    user = a_user(status=status) if status else None
    fixture = a_fixture()

    with pytest.raises(InvalidCredentials):
        await fixture.passwords.verify_credentials(password, user, ATTEMPT)

    hashed = user.hashed_password if user and has_hash else None
    assert fixture.hasher.journal == [("verify", seen, hashed)]
    assert fixture.counters.outcomes == [Outcome.WRONG]


async def test_what_stands_for_an_impossible_password_lets_nobody_in() -> None:
    user = a_user(hashed_password=f"new {b'-'.hex()}")

    with pytest.raises(InvalidCredentials):
        await a_fixture(user).passwords.verify_credentials("a" * 1025, user, ATTEMPT)


async def test_a_locked_account_is_not_looked_at() -> None:
    user = a_user()
    fixture = a_fixture(user)
    fixture.counters.is_locked = True

    with pytest.raises(TooManyAttempts):
        await fixture.passwords.verify_credentials(PASSWORD, user, ATTEMPT)
    assert fixture.hasher.journal == []
    assert fixture.counters.outcomes == []


async def test_an_attempt_that_could_not_be_looked_at_costs_nothing() -> None:
    user = a_user()
    fixture = a_fixture(user)
    fixture.hasher.down = True

    with pytest.raises(Unavailable):
        await fixture.passwords.verify_credentials(PASSWORD, user, ATTEMPT)
    assert fixture.counters.outcomes == [Outcome.UNCHECKED]


async def test_what_is_known_to_be_wrong_counts_however_soon_somebody_stops_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A right password may be quicker than a wrong one: who waits for no more would guess for nothing."""
    user = a_user()
    fixture = a_fixture(user)

    async def compare(_password: bytes, _hashed: str, on_mismatch: Callable[[], None]) -> bool:
        on_mismatch()
        raise asyncio.CancelledError

    monkeypatch.setattr(fixture.hasher, "verify", compare)
    with pytest.raises(asyncio.CancelledError):
        await fixture.passwords.verify_credentials("wrong horse", user, ATTEMPT)
    assert fixture.counters.outcomes == [Outcome.WRONG]


async def test_a_password_that_the_scheme_of_today_can_not_read_keeps_its_hash() -> None:
    """One of another scheme, that takes longer ones: without it, its user could log in no more."""
    long = "a" * 73
    user = a_user(hashed_password=hash_of(long.encode()))
    fixture = a_fixture(user)

    assert await fixture.passwords.verify_credentials(long, user, ATTEMPT) == user
    assert (await fixture.profiles.get(user.id)).hashed_password == user.hashed_password


async def test_an_outdated_hash_is_replaced_after_a_right_password_only() -> None:
    user = a_user(hashed_password=hash_of(PASSWORD.encode()))
    fixture = a_fixture(user)

    with pytest.raises(InvalidCredentials):
        await fixture.passwords.verify_credentials("wrong horse", user, ATTEMPT)
    assert (await fixture.profiles.get(user.id)).hashed_password == user.hashed_password

    await fixture.passwords.verify_credentials(PASSWORD, user, ATTEMPT)

    assert (await fixture.profiles.get(user.id)).hashed_password == f"new {PASSWORD.encode().hex()}"
    assert fixture.hasher.journal[-1] == ("hash", PASSWORD.encode(), None)


async def test_a_right_password_is_right_though_there_is_no_room_to_hash_it_anew() -> None:
    user = a_user(hashed_password=hash_of(PASSWORD.encode()))
    fixture = a_fixture(user)
    fixture.hasher.full = True

    assert await fixture.passwords.verify_credentials(PASSWORD, user, ATTEMPT) == user
    assert (await fixture.profiles.get(user.id)).hashed_password == user.hashed_password
    assert fixture.counters.outcomes == [Outcome.RIGHT]
