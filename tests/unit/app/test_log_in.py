from collections.abc import Callable

import pytest

from service.app.auth.actors import Anonymous
from service.app.auth.log_in import LogIn
from service.app.auth.passwords import InvalidCredentials
from service.app.auth.refresh import Refresh
from service.app.auth.second_factor import OtpRequired
from service.app.auth.throttle import TooManyAttempts
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.errors import Unavailable
from service.domain.profile import Profile, Role, Status
from service.domain.session import IDLE_TIMEOUT
from service.domain.totp import Totp
from tests.builders import NOON, a_profile, a_user
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash
from tests.fakes.tokens import FakeTokens

PASSWORD = "correct horse"
NOBODY = RequestContext(Anonymous())


def somebody(name: str, **changes: object) -> Profile:
    hashed = fake_hash(PASSWORD.encode())
    return a_profile(**{"email": Email.parse(f"{name}@example.org"), "hashed_password": hashed, **changes})


ADA = somebody("ada")
BOSS = somebody("boss", role=Role.ADMIN)
SUSPENDED = somebody("suspended", status=Status.SUSPENDED)
DELETED = somebody("deleted", status=Status.DELETED, deleted_at=NOON)
HOSTILE = somebody("hostile", hashed_password="$2b$31$" + "a" * 53)
MALFORMED = somebody("malformed", hashed_password="")

REFUSED = [
    ("nobody@example.org", PASSWORD),
    ("ada@example.org", "wrong horse"),
    ("suspended@example.org", PASSWORD),
    ("deleted@example.org", PASSWORD),
    ("hostile@example.org", PASSWORD),
    ("malformed@example.org", PASSWORD),
    ("ada@example.org", "a" * 73),
    ("ada@example.org", "correct horse\0"),
    ("ada@example.org", "\ud800"),
    ("ada@example.org", ""),
    ("no address", PASSWORD),
    ("no address", "a" * 73),
    ("\ud800@example.org", PASSWORD),
]
NAMES = [
    "unknown",
    "wrong",
    "suspended",
    "deleted",
    "hostile hash",
    "no hash",
    "73 bytes",
    "NUL",
    "lone surrogate",
    "empty",
    "malformed address",
    "both malformed",
    "address with a lone surrogate",
]


@pytest.fixture
def app_fixture() -> AppFixture:
    return AppFixture(ADA, BOSS, SUSPENDED, DELETED, HOSTILE, MALFORMED)


@pytest.mark.parametrize(("user", "spelling"), [(ADA, "ada@example.org"), (BOSS, "BOSS@Example.ORG")])
async def test_address_and_password_are_exchanged_for_tokens(
    app_fixture: AppFixture, user: Profile, spelling: str
) -> None:
    done = await app_fixture.app.log_in.handle(LogIn(NOBODY, spelling, PASSWORD))
    named = app_fixture.tokens.verify(done.access_token.text).user

    assert (done.user_id, named.id, named.role) == (user.id, user.id, user.role)
    assert app_fixture.refresh_tokens.read(done.refresh_token) == (named.session, 0)
    assert app_fixture.is_open(named.session)


async def test_a_session_is_as_old_as_what_the_login_rests_on(
    app_fixture: AppFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a gateway, which compares times, would take it for younger than a suspension meanwhile."""
    app_fixture.clock.advance(seconds=1)
    began, verify = app_fixture.clock.now(), app_fixture.hasher.verify

    async def slowly(password: bytes, hashed: str | None, on_mismatch: Callable[[], None]) -> bool:
        app_fixture.clock.advance(seconds=3)
        return await verify(password, hashed, on_mismatch)

    monkeypatch.setattr(app_fixture.hasher, "verify", slowly)
    await app_fixture.app.log_in.handle(LogIn(NOBODY, "ada@example.org", PASSWORD))
    (session,) = app_fixture.repository.stored

    assert session.int >> 80 == int(began.timestamp() * 1000)


async def test_every_login_opens_a_session_of_its_own(app_fixture: AppFixture) -> None:
    for _ in range(3):
        await app_fixture.app.log_in.handle(LogIn(NOBODY, "ada@example.org", PASSWORD))

    assert len(app_fixture.repository.stored) == 3


@pytest.mark.parametrize(("email", "password"), REFUSED, ids=NAMES)
async def test_every_refusal_is_the_same_after_the_same_work(
    app_fixture: AppFixture, email: str, password: str
) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await app_fixture.app.log_in.handle(LogIn(NOBODY, email, password))

    assert (app_fixture.hasher.verified, app_fixture.hasher.hashed) == (1, 0)
    assert refusal.value.args == ()
    assert app_fixture.repository.stored == {}


@pytest.mark.parametrize(("email", "password"), REFUSED, ids=NAMES)
async def test_every_refusal_is_counted_alike(app_fixture: AppFixture, email: str, password: str) -> None:
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            await app_fixture.app.log_in.handle(LogIn(NOBODY, email, password))
    with pytest.raises(TooManyAttempts) as refusal:
        await app_fixture.app.log_in.handle(LogIn(NOBODY, email, password))

    assert refusal.value.retry_after_ms == pytest.approx(900_000, abs=2)
    assert app_fixture.hasher.verified == 10


async def test_letting_in_takes_that_work_too(app_fixture: AppFixture) -> None:
    await app_fixture.app.log_in.handle(LogIn(NOBODY, "ada@example.org", PASSWORD))

    assert (app_fixture.hasher.verified, app_fixture.hasher.hashed) == (1, 0)


async def test_what_stands_for_a_malformed_password_is_nobodys_password() -> None:
    app_fixture = AppFixture(somebody("x", hashed_password=fake_hash(b"-")))

    with pytest.raises(InvalidCredentials):
        await app_fixture.app.log_in.handle(LogIn(NOBODY, "x@example.org", "a" * 73))


async def test_two_spellings_of_an_address_are_one_account(app_fixture: AppFixture) -> None:
    for name in ("ada", "ADA", "Ada", "aDa", "adA") * 2:
        with pytest.raises(InvalidCredentials):
            await app_fixture.app.log_in.handle(LogIn(NOBODY, f"{name}@Example.org", "wrong horse"))
    with pytest.raises(TooManyAttempts):
        await app_fixture.app.log_in.handle(LogIn(NOBODY, "ada@example.org", PASSWORD))


def test_neither_command_nor_token_shows_its_secret() -> None:
    assert PASSWORD not in repr(LogIn(NOBODY, "ada@example.org", PASSWORD))
    assert "canary" not in repr(LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token="canary"))
    assert "token." not in repr(FakeTokens().issue(a_user()))


async def test_a_full_pool_is_told_before_anything_is_looked_up() -> None:
    app_fixture = AppFixture(ADA)
    app_fixture.hasher.full = Unavailable()
    app_fixture.profiles.find_by_email = None  # type: ignore[assignment,method-assign]

    with pytest.raises(Unavailable):
        await app_fixture.app.log_in.handle(LogIn(NOBODY, "ada@example.org", PASSWORD))


async def test_who_has_an_address_that_is_refused_today_logs_in() -> None:
    ada = a_profile(
        email=Email("ada@i\u2764.ws", "ada@xn--i-7iq.ws"),
        hashed_password=fake_hash(PASSWORD.encode()),
    )
    app_fixture = AppFixture(ada)
    done = await app_fixture.app.log_in.handle(LogIn(RequestContext(Anonymous()), "Ada@i\u2764.ws", PASSWORD))

    assert done.user_id == ada.id


@pytest.mark.parametrize("whose", [ADA, BOSS], ids=["one's own", "another's"])
async def test_the_session_ends_that_the_new_one_takes_the_place_of(
    app_fixture: AppFixture, whose: Profile
) -> None:
    (former, tokens), (other, _) = [await app_fixture.logged_in(whose) for _ in range(2)]
    done = await app_fixture.app.log_in.handle(
        LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=tokens.refresh_token)
    )
    new = app_fixture.tokens.verify(done.access_token.text).user.session

    assert set(app_fixture.repository.stored) == {other.session, new}
    assert app_fixture.revoked == [(whose.id, (former.session,), "login")]
    assert app_fixture.session_cache.known == {former.session: False}


async def test_a_refresh_token_whose_successor_nobody_has_used_is_that_of_its_session(
    app_fixture: AppFixture,
) -> None:
    former, tokens = await app_fixture.logged_in(ADA)
    await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))  # and the reply was lost
    await app_fixture.app.log_in.handle(
        LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=tokens.refresh_token)
    )

    assert not app_fixture.is_open(former.session)


async def test_a_refresh_token_that_is_used_up_ends_nothing(app_fixture: AppFixture) -> None:
    former, tokens = await app_fixture.logged_in(ADA)
    successor = await app_fixture.app.refresh.handle(Refresh(tokens.refresh_token))
    await app_fixture.app.refresh.handle(Refresh(successor.refresh_token))
    await app_fixture.app.log_in.handle(
        LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=tokens.refresh_token)
    )

    assert app_fixture.is_open(former.session)
    assert app_fixture.revoked == []


@pytest.mark.parametrize("token", ["", "none", "x" * 82, "\ud800"])
async def test_what_is_no_refresh_token_keeps_nobody_from_logging_in(
    app_fixture: AppFixture, token: str
) -> None:
    done = await app_fixture.app.log_in.handle(
        LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=token)
    )

    assert app_fixture.is_open(app_fixture.tokens.verify(done.access_token.text).user.session)


async def test_a_session_that_has_expired_or_ended_already_ends_no_other_time(
    app_fixture: AppFixture,
) -> None:
    (_, old), (ended, tokens) = [await app_fixture.logged_in(ADA) for _ in range(2)]
    await app_fixture.sessions.end(ADA.id, "logout", session_id=ended.session)
    app_fixture.clock.advance(seconds=IDLE_TIMEOUT.total_seconds())
    for each in (old, tokens):
        command = LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=each.refresh_token)
        await app_fixture.app.log_in.handle(command)

    assert [reason for _, _, reason in app_fixture.revoked] == ["logout"]


@pytest.mark.parametrize(
    ("profile", "password", "refusal"),
    [
        (ADA, "wrong horse", InvalidCredentials),
        (somebody("ada", totp=Totp(b"sealed", 0, ())), PASSWORD, OtpRequired),
    ],
    ids=["wrong", "no code"],
)
async def test_a_login_that_is_refused_ends_no_session(
    profile: Profile, password: str, refusal: type[Exception]
) -> None:
    app_fixture = AppFixture(profile)
    former, tokens = await app_fixture.logged_in(profile)
    command = LogIn(NOBODY, "ada@example.org", password, refresh_token=tokens.refresh_token)

    with pytest.raises(refusal):
        await app_fixture.app.log_in.handle(command)
    assert list(app_fixture.repository.stored) == [former.session]


async def test_who_takes_the_place_of_a_session_loses_no_other_by_having_many(
    app_fixture: AppFixture,
) -> None:
    opened = [await app_fixture.logged_in(ADA) for _ in range(app_fixture.sessions.max_sessions)]
    app_fixture.clock.advance(seconds=1)
    former, tokens = opened[-1]
    command = LogIn(NOBODY, "ada@example.org", PASSWORD, refresh_token=tokens.refresh_token)
    await app_fixture.app.log_in.handle(command)

    assert [user.session for user, _ in opened if not app_fixture.is_open(user.session)] == [former.session]
