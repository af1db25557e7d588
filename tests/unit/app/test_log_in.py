import pytest

from service.app.auth.actors import User
from service.app.auth.log_in import LogIn, LogInHandler
from service.app.auth.passwords import InvalidCredentials
from service.domain.emails import Email
from service.domain.profiles import Profile, Role, Status
from tests.builders import NOON, a_profile
from tests.fakes.passwords import FakePasswords, fake_hash
from tests.fakes.profiles import FakeProfiles
from tests.fakes.tokens import FakeTokens

PASSWORD = "correct horse"


def a_user(name: str, **changes: object) -> Profile:
    hashed = fake_hash(PASSWORD.encode())
    return a_profile(email=Email.parse(f"{name}@example.org"), hashed_password=hashed, **changes)


ADA = a_user("ada")
BOSS = a_user("boss", role=Role.ADMIN)
SUSPENDED = a_user("suspended", status=Status.SUSPENDED)
DELETED = a_user("deleted", status=Status.DELETED, deleted_at=NOON)


@pytest.fixture
def log_in() -> LogInHandler:
    return LogInHandler(FakeProfiles(ADA, BOSS, SUSPENDED, DELETED), FakePasswords(), FakeTokens())


@pytest.mark.parametrize(("user", "spelling"), [(ADA, "ada@example.org"), (BOSS, "BOSS@Example.ORG")])
async def test_address_and_password_are_exchanged_for_a_token(
    log_in: LogInHandler, user: Profile, spelling: str
) -> None:
    done = await log_in.handle(LogIn(spelling, PASSWORD))

    assert done.profile == user
    assert log_in.tokens.verify(done.access_token.text) == User(user.id, user.role)
    assert done.access_token.seconds == 600


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody@example.org", PASSWORD),
        ("ada@example.org", "wrong horse"),
        ("suspended@example.org", PASSWORD),
        ("deleted@example.org", PASSWORD),
        ("ada@example.org", "a" * 73),
        ("ada@example.org", "correct horse\0"),
        ("ada@example.org", "\ud800"),
        ("ada@example.org", ""),
        ("no address", PASSWORD),
        ("no address", "a" * 73),
        ("\ud800@example.org", PASSWORD),
    ],
    ids=[
        "unknown",
        "wrong",
        "suspended",
        "deleted",
        "73 bytes",
        "NUL",
        "lone surrogate",
        "empty",
        "malformed address",
        "both malformed",
        "address with a lone surrogate",
    ],
)
async def test_every_refusal_is_the_same_after_the_same_work(
    log_in: LogInHandler, email: str, password: str
) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await log_in.handle(LogIn(email, password))

    assert isinstance(log_in.passwords, FakePasswords)
    assert (log_in.passwords.verified, log_in.passwords.hashed) == (1, 0)
    assert refusal.value.args == ()


async def test_letting_in_takes_that_work_too(log_in: LogInHandler) -> None:
    await log_in.handle(LogIn("ada@example.org", PASSWORD))

    assert isinstance(log_in.passwords, FakePasswords)
    assert (log_in.passwords.verified, log_in.passwords.hashed) == (1, 0)


async def test_what_stands_for_a_malformed_password_is_nobodys_password() -> None:
    user = a_profile(email=Email.parse("x@example.org"), hashed_password=fake_hash(b"-"))
    log_in = LogInHandler(FakeProfiles(user), FakePasswords(), FakeTokens())

    with pytest.raises(InvalidCredentials):
        await log_in.handle(LogIn("x@example.org", "a" * 73))


def test_neither_command_nor_token_shows_its_secret() -> None:
    assert PASSWORD not in repr(LogIn("ada@example.org", PASSWORD))
    assert "token." not in repr(FakeTokens().issue(User(ADA.id, Role.USER)))
