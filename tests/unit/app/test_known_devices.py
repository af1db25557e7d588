"""Strangers who guess lock out nobody who has logged in before, or is logged in."""

import pytest

from service.app.auth.actors import Anonymous, User
from service.app.auth.change_password import ChangePassword
from service.app.auth.log_in import LogIn
from service.app.auth.passwords import InvalidCredentials
from service.app.auth.sessions import LoggedIn
from service.app.auth.throttle import TooManyAttempts
from service.app.commands.update_profile import UpdateProfile
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.profile import Profile, ProfilePatch, Status
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

PASSWORD, WRONG = "correct horse", "wrong horse"
BURST = 10
NOBODY = RequestContext(Anonymous(), "gateway", "192.0.2.1/32")


def a_person(name: str, **changes: object) -> Profile:
    email = Email.parse(f"{name}@example.org")
    return a_profile(**{"email": email, "hashed_password": fake_hash(PASSWORD.encode()), **changes})


@pytest.fixture
def ada() -> Profile:
    return a_person("ada")


@pytest.fixture
def app_fixture(ada: Profile) -> AppFixture:
    return AppFixture(ada, a_person("bob"))


async def log_in(
    app_fixture: AppFixture, name: str = "ada", password: str = PASSWORD, device: str | None = None
) -> LoggedIn:
    return await app_fixture.app.log_in.handle(LogIn(NOBODY, f"{name}@example.org", password, device))


async def attack(app_fixture: AppFixture, device: str | None = None, caller: RequestContext = NOBODY) -> int:
    """Guess until it is refused; return how many guesses were looked at."""
    for looked_at in range(100):
        try:
            await app_fixture.app.log_in.handle(LogIn(caller, "ada@example.org", WRONG, device))
        except InvalidCredentials:
            continue
        except TooManyAttempts:
            return looked_at
    raise AssertionError


async def test_six_wrong_guesses_of_a_stranger_lock_nobody_out(app_fixture: AppFixture, ada: Profile) -> None:
    device = (await log_in(app_fixture)).device_token
    user, _ = await app_fixture.logged_in(ada)
    assert await attack(app_fixture) == BURST

    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture)  # from a device that nobody knows
    assert (await log_in(app_fixture, device=device)).user_id == ada.id
    address = ProfilePatch(email=Email.parse("new@example.org"))
    update = UpdateProfile(
        context=RequestContext(user), profile_id=ada.id, patch=address, current_password=PASSWORD
    )
    assert (await app_fixture.app.update_profile.handle(update)).email == address.email
    changed = await app_fixture.app.change_password.handle(
        ChangePassword(RequestContext(user), PASSWORD, "another horse")
    )
    assert changed.user_id == ada.id


async def test_a_device_has_a_budget_of_its_own_and_no_more(app_fixture: AppFixture) -> None:
    device = (await log_in(app_fixture)).device_token

    assert await attack(app_fixture, device) == BURST
    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture, device=device)
    await log_in(app_fixture)  # strangers have theirs still
    app_fixture.clock.advance(minutes=5)
    await log_in(app_fixture, device=device)


async def test_the_next_token_is_of_the_same_device(app_fixture: AppFixture) -> None:
    first = (await log_in(app_fixture)).device_token
    second = (await log_in(app_fixture, device=first)).device_token
    assert second is not None
    await attack(app_fixture, first)

    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture, device=second)


async def test_each_login_without_a_token_is_a_device_of_its_own(app_fixture: AppFixture) -> None:
    first, second = (await log_in(app_fixture)).device_token, (await log_in(app_fixture)).device_token
    await attack(app_fixture, first)

    assert (await log_in(app_fixture, device=second)).device_token


async def test_the_token_of_another_user_is_worth_nothing(app_fixture: AppFixture) -> None:
    device = (await log_in(app_fixture, "bob")).device_token
    await attack(app_fixture)

    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture, device=device)


@pytest.mark.parametrize("broken", ["", "x", "x" * 99, "\u00e9" * 98, "=" * 98])
async def test_what_is_no_token_is_like_none(app_fixture: AppFixture, broken: str) -> None:
    await log_in(app_fixture, device=broken)
    await attack(app_fixture)

    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture, device=broken)


async def test_an_old_token_is_worth_nothing(app_fixture: AppFixture) -> None:
    device = (await log_in(app_fixture)).device_token
    app_fixture.clock.advance(days=180, seconds=1)
    await attack(app_fixture)

    with pytest.raises(TooManyAttempts):
        await log_in(app_fixture, device=device)


async def test_a_token_lets_nobody_in(app_fixture: AppFixture) -> None:
    device = (await log_in(app_fixture)).device_token
    ada = await app_fixture.profiles.get((await log_in(app_fixture)).user_id)
    await app_fixture.profiles.save(
        ada.updated(ProfilePatch(status=Status.SUSPENDED), app_fixture.clock.now())
    )

    for password in (PASSWORD, WRONG):
        with pytest.raises(InvalidCredentials):
            await log_in(app_fixture, password=password, device=device)


async def test_a_session_does_not_lend_its_budget_to_logins(app_fixture: AppFixture, ada: Profile) -> None:
    user, _ = await app_fixture.logged_in(ada)

    assert await attack(app_fixture) == BURST
    assert await attack(app_fixture, caller=RequestContext(user)) == 0


async def test_in_a_session_guesses_are_bounded_too(app_fixture: AppFixture, ada: Profile) -> None:
    user, _ = await app_fixture.logged_in(ada)
    command = ChangePassword(RequestContext(user), WRONG, "another horse")
    for _ in range(BURST):
        with pytest.raises(InvalidCredentials):
            await app_fixture.app.change_password.handle(command)
    with pytest.raises(TooManyAttempts):
        await app_fixture.app.change_password.handle(command)
    other: User = (await app_fixture.logged_in(ada))[0]

    await log_in(app_fixture)
    await app_fixture.app.change_password.handle(
        ChangePassword(RequestContext(other), PASSWORD, "another horse")
    )


async def test_a_thousand_typos_of_others_refuse_nobody(app_fixture: AppFixture) -> None:
    for number in range(1_000):
        with pytest.raises(InvalidCredentials):
            await log_in(app_fixture, f"stranger{number}", WRONG)

    await log_in(app_fixture)


def test_a_command_does_not_show_its_token() -> None:
    assert "canary" not in repr(LogIn(NOBODY, "ada@example.org", PASSWORD, "canary"))
