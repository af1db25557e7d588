"""A second factor: enrolled, confirmed, asked for after the password, good once, and removed."""

import asyncio
import base64
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest

from service.app.auth.actors import Anonymous, TrustedService, User
from service.app.auth.change_password import ChangePassword
from service.app.auth.confirm_totp import ConfirmTotp
from service.app.auth.enroll_totp import EnrollTotp, EnrolmentInvalid, TotpAlreadyEnrolled
from service.app.auth.log_in import EmailNotVerified, LogIn
from service.app.auth.passwords import CurrentPasswordRequired, InvalidCredentials
from service.app.auth.permissions import NotAllowed
from service.app.auth.refresh import Refresh
from service.app.auth.remove_totp import RemoveTotp
from service.app.auth.second_factor import OtpInvalid, OtpRequired, about_totp
from service.app.auth.session_guard import SessionEnded
from service.app.auth.sessions import LoggedIn
from service.app.auth.throttle import TooManyAttempts
from service.app.auth.unlock_account import UnlockAccount
from service.app.request_context import RequestContext
from service.domain.errors import ServiceError, Unavailable
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import Profile, ProfilePatch, Role
from service.domain.totp import Totp, code_at, recovery_digest, step_at
from service.infrastructure.security.secret_box import SealedSecrets
from tests.builders import NOON, a_profile, a_user
from tests.fakes.app_fixture import AppFixture, caller
from tests.fakes.keys import in_use
from tests.fakes.passwords import fake_hash

PASSWORD = "correct horse"
SECRET = b"12345678901234567890"
RECOVERY = "abcd-efgh-ijkl-mnop"


def ada(box: SealedSecrets | None = None) -> Profile:
    """Return a user who has a second factor, and had none before noon."""
    profile = a_profile(hashed_password=fake_hash(PASSWORD.encode()))
    sealed = (box or SealedSecrets(in_use(b"k" * 32))).encrypt(SECRET, about_totp(profile.id))
    totp = Totp(sealed, step_at(NOON) - 1, (recovery_digest(profile.id, RECOVERY),))
    return replace(profile, totp=totp)


def code(fixture: AppFixture, off: int = 0) -> str:
    return code_at(SECRET, step_at(fixture.clock.now()) + off)


def logging_in(profile: Profile, otp: str | None, password: str = PASSWORD) -> LogIn:
    return LogIn(RequestContext(Anonymous()), profile.email.typed, password, otp=otp)


async def test_who_knows_the_password_is_asked_for_a_code_and_nobody_else() -> None:
    fixture = AppFixture(profile := ada())
    log_in = fixture.app.log_in.handle
    for otp in (None, code(fixture), "000000"):
        with pytest.raises(InvalidCredentials):
            await log_in(logging_in(profile, otp, "a wrong guess"))
    with pytest.raises(OtpRequired):
        await log_in(logging_in(profile, None))
    with pytest.raises(OtpInvalid):
        await log_in(logging_in(profile, "000000"))

    assert (await log_in(logging_in(profile, code(fixture)))).user_id == profile.id


@pytest.mark.parametrize("otp", ["the code", RECOVERY])
async def test_a_code_is_good_once_however_many_try_at_once(otp: str) -> None:
    fixture = AppFixture(profile := ada())
    used = code(fixture) if otp == "the code" else otp
    tries = [fixture.app.log_in.handle(logging_in(profile, used)) for _ in range(4)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert Counter(type(each).__name__ for each in outcomes) == {"LoggedIn": 1, "OtpInvalid": 3}
    with pytest.raises(OtpInvalid):
        await fixture.app.log_in.handle(logging_in(profile, used))
    assert (await fixture.profiles.get(profile.id)).version == profile.version


async def test_a_change_that_was_under_way_brings_no_used_code_back() -> None:
    fixture = AppFixture(profile := ada())
    before = await fixture.profiles.get(profile.id)
    await fixture.app.log_in.handle(logging_in(profile, code(fixture)))
    await fixture.app.log_in.handle(logging_in(profile, RECOVERY))

    with pytest.raises(ServiceError):
        await fixture.profiles.save(before.updated(ProfilePatch(last_name="King"), NOON))
    for used in (code(fixture), RECOVERY):
        with pytest.raises(OtpInvalid):
            await fixture.app.log_in.handle(logging_in(profile, used))


async def test_wrong_codes_are_counted_and_guesses_at_the_password_do_not_use_that_up() -> None:
    fixture = AppFixture(profile := ada())
    log_in = fixture.app.log_in.handle
    for _ in range(9):
        with pytest.raises(InvalidCredentials):
            await log_in(logging_in(profile, None, "a wrong guess"))
    for _ in range(10):
        with pytest.raises(OtpInvalid):
            await log_in(logging_in(profile, "000000"))
    with pytest.raises(TooManyAttempts):
        await log_in(logging_in(profile, code(fixture)))
    hr = RequestContext(TrustedService("hr"))
    await fixture.app.unlock_account.handle(UnlockAccount(hr, profile.id))

    assert (await log_in(logging_in(profile, code(fixture)))).user_id == profile.id


async def test_a_secret_is_encrypted_anew_when_its_key_is_followed_by_another() -> None:
    old, both = SealedSecrets(in_use(b"o" * 32)), SealedSecrets(in_use(b"k" * 32, b"o" * 32))
    fixture = AppFixture(profile := ada(old))
    second_factor = replace(fixture.app.log_in.second_factor, box=both)
    await replace(fixture.app.log_in, second_factor=second_factor).handle(logging_in(profile, code(fixture)))
    fixture.clock.advance(seconds=30)

    assert (
        await fixture.app.log_in.handle(logging_in(profile, code(fixture)))
    ).user_id == profile.id  # who knows the new one alone


async def test_a_code_that_was_right_counts_though_the_secret_could_not_be_encrypted_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, both = SealedSecrets(in_use(b"o" * 32)), SealedSecrets(in_use(b"k" * 32, b"o" * 32))
    fixture = AppFixture(profile := ada(old))
    monkeypatch.setattr(fixture.profiles, "replace_totp_secret", unavailable)
    log_in = replace(fixture.app.log_in, second_factor=replace(fixture.app.log_in.second_factor, box=both))

    assert (await log_in.handle(logging_in(profile, code(fixture)))).user_id == profile.id


async def test_a_secret_whose_key_is_gone_leaves_the_recovery_codes() -> None:
    fixture = AppFixture(profile := ada(SealedSecrets(in_use(b"o" * 32))))
    with pytest.raises(OtpInvalid):
        await fixture.app.log_in.handle(logging_in(profile, code(fixture)))

    assert (
        await fixture.app.log_in.handle(logging_in(profile, RECOVERY.upper().replace("-", " ")))
    ).user_id == profile.id


async def enrolled(fixture: AppFixture, user: User) -> tuple[bytes, str]:
    """Return the secret that *user* is given, and what has to come back."""
    enrolment = await fixture.app.enroll_totp.handle(EnrollTotp(caller(user), PASSWORD))
    assert f"secret={enrolment.secret}" in enrolment.uri
    return base64.b32decode(enrolment.secret), enrolment.sealed


async def test_an_app_is_the_second_factor_once_a_code_has_confirmed_it() -> None:
    profile = replace(ada(), totp=None)
    fixture = AppFixture(profile)
    user, _ = await fixture.logged_in(profile)
    secret, sealed = await enrolled(fixture, user)
    assert (await fixture.profiles.get(profile.id)).totp is None
    with pytest.raises(OtpInvalid):
        await fixture.app.confirm_totp.handle(ConfirmTotp(caller(user), sealed, "000000"))
    used = code_at(secret, step_at(NOON))
    codes = await fixture.app.confirm_totp.handle(ConfirmTotp(caller(user), sealed, used))
    stored = await fixture.profiles.get(profile.id)

    assert len(set(codes)) == 10
    assert stored.totp
    assert not any(each in repr(stored.totp) for each in codes)
    assert secret not in stored.totp.sealed_secret
    assert fixture.profiles.published[-1].data["changed"] == ["totp_enrolled"]
    with pytest.raises(OtpInvalid):  # it was used to confirm
        await fixture.app.log_in.handle(logging_in(profile, used))
    for otp in (code_at(secret, step_at(NOON) + 1), codes[0], codes[9]):
        assert (await fixture.app.log_in.handle(logging_in(profile, otp))).user_id == profile.id
    with pytest.raises(TotpAlreadyEnrolled):
        await fixture.app.enroll_totp.handle(EnrollTotp(caller(user), PASSWORD))
    again = ConfirmTotp(caller(user), sealed, code_at(secret, step_at(NOON) + 1))
    with pytest.raises(TotpAlreadyEnrolled):
        await fixture.app.confirm_totp.handle(again)


async def test_an_enrolment_is_of_one_user_for_half_an_hour_and_for_one_password() -> None:
    profile, other = replace(ada(), totp=None), replace(ada(), totp=None)
    fixture = AppFixture(profile, other)
    (user, _), (bob, _) = [await fixture.logged_in(each) for each in (profile, other)]
    secret, sealed = await enrolled(fixture, user)
    good = code_at(secret, step_at(NOON))
    for who, what in ((bob, sealed), (user, sealed[:-8] + "AAAAAAAA"), (user, ""), (user, "\u00e9")):
        with pytest.raises(EnrolmentInvalid):
            await fixture.app.confirm_totp.handle(ConfirmTotp(caller(who), what, good))
    fixture.clock.advance(minutes=30)
    with pytest.raises(EnrolmentInvalid):
        await fixture.app.confirm_totp.handle(ConfirmTotp(caller(user), sealed, good))
    with pytest.raises(InvalidCredentials):
        await fixture.app.enroll_totp.handle(EnrollTotp(caller(user), "a wrong guess"))
    _, sealed = await enrolled(fixture, user)
    changed = (await fixture.profiles.get(profile.id)).with_password(
        NOON, hashed="another", session_id=uuid4()
    )
    await fixture.profiles.save(changed)
    with pytest.raises(EnrolmentInvalid):
        await fixture.app.confirm_totp.handle(ConfirmTotp(caller(user), sealed, good))


async def test_it_is_removed_by_its_user_with_the_password_or_by_an_administrator() -> None:
    profile, boss = ada(), a_profile(role=Role.ADMIN)
    fixture = AppFixture(profile, boss)
    (user, _), (admin, _) = [await fixture.logged_in(each) for each in (profile, boss)]
    remove = fixture.app.remove_totp.handle
    with pytest.raises(CurrentPasswordRequired):
        await remove(RemoveTotp(caller(user)))
    with pytest.raises(InvalidCredentials):
        await remove(RemoveTotp(caller(user), None, "a wrong guess"))
    with pytest.raises(NotAllowed):
        await remove(RemoveTotp(caller(user), boss.id, PASSWORD))
    with pytest.raises(NotAllowed):
        await remove(RemoveTotp(RequestContext(TrustedService("hr")), profile.id))
    removed = await remove(RemoveTotp(caller(admin), profile.id))

    assert removed.totp is None
    assert await remove(RemoveTotp(caller(user), None, PASSWORD)) == removed
    assert (await fixture.app.log_in.handle(logging_in(profile, None))).user_id == profile.id
    await fixture.sessions.end(user.id, "logout")
    with pytest.raises(SessionEnded):
        await remove(RemoveTotp(caller(user), None, PASSWORD))


def test_nothing_of_it_is_left_of_the_erased() -> None:
    assert ada().erased(NOON).totp is None


async def test_a_session_knows_of_the_code_that_opened_it_and_hands_that_on() -> None:
    fixture = AppFixture(profile := ada(), other := a_profile(hashed_password=fake_hash(PASSWORD.encode())))
    with_code = await fixture.app.log_in.handle(logging_in(profile, code(fixture)))
    refreshed = await fixture.app.refresh.handle(Refresh(with_code.refresh_token))
    change = ChangePassword(RequestContext(user_of(fixture, refreshed)), PASSWORD, "another horse")
    changed = await fixture.app.change_password.handle(change)
    without = await fixture.app.log_in.handle(logging_in(other, None))
    change = ChangePassword(RequestContext(user_of(fixture, without)), PASSWORD, "another horse")
    changed_without = await fixture.app.change_password.handle(change)

    for each in (with_code, refreshed, changed):
        assert user_of(fixture, each).with_code
    for each in (without, changed_without):
        assert not user_of(fixture, each).with_code


@pytest.mark.parametrize("with_code", [False, True])
async def test_a_change_of_password_that_is_repeated_hands_on_what_its_token_says(*, with_code: bool) -> None:
    fixture = AppFixture(profile := a_profile(hashed_password=fake_hash(PASSWORD.encode())))
    opened = await fixture.sessions.open(profile, with_code=with_code)
    user, key = user_of(fixture, opened), IdempotencyKey(b"i" * 16, b"d" * 16)
    change = ChangePassword(RequestContext(user, idempotency_key=key), PASSWORD, "another horse")
    await fixture.app.change_password.handle(change)
    former = Anonymous(SessionEnded(), former_user=user)
    again = replace(change, context=RequestContext(former, idempotency_key=key))
    done = await fixture.app.change_password.handle(again)

    assert user_of(fixture, done).with_code is with_code


async def test_who_has_confirmed_a_second_factor_has_shown_a_code_in_this_session_alone() -> None:
    fixture = AppFixture(profile := a_profile(hashed_password=fake_hash(PASSWORD.encode())))
    strict = replace(fixture.sessions, second_factor_for=frozenset(Role))
    (user, tokens), (other, _) = [await fixture.logged_in(profile) for _ in range(2)]
    assert await strict.lacks_code(user)
    enrolment = await fixture.app.enroll_totp.handle(EnrollTotp(caller(user), PASSWORD))
    confirmation = code_at(base64.b32decode(enrolment.secret), step_at(fixture.clock.now()))
    await fixture.app.confirm_totp.handle(ConfirmTotp(caller(user), enrolment.sealed, confirmation))
    refreshed = await fixture.app.refresh.handle(Refresh(tokens.refresh_token))

    assert not await strict.lacks_code(user)  # whose token is from before
    assert user_of(fixture, refreshed).with_code
    assert await strict.lacks_code(other)


async def test_recovery_codes_are_told_though_the_session_could_not_be_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody can be told them again."""
    fixture = AppFixture(profile := a_profile(hashed_password=fake_hash(PASSWORD.encode())))
    user, _ = await fixture.logged_in(profile)
    secret, sealed = await enrolled(fixture, user)
    monkeypatch.setattr(fixture.repository, "note_code", unavailable)
    confirmation = ConfirmTotp(caller(user), sealed, code_at(secret, step_at(NOON)))
    codes = await fixture.app.confirm_totp.handle(confirmation)

    assert (await fixture.app.log_in.handle(logging_in(profile, codes[0]))).user_id == profile.id


async def test_a_login_that_is_refused_for_the_address_uses_no_code_up() -> None:
    fixture = AppFixture(profile := ada())
    strict = replace(fixture.app.log_in, needs_verified_email=True)
    for otp in (RECOVERY, code(fixture), "000000"):
        with pytest.raises(EmailNotVerified):
            await strict.handle(logging_in(profile, otp))

    for otp in (RECOVERY, code(fixture)):
        assert (await fixture.app.log_in.handle(logging_in(profile, otp))).user_id == profile.id


async def test_a_login_whose_code_is_used_up_succeeds_though_older_sessions_could_not_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixture = AppFixture(profile := ada())
    log_in = replace(fixture.app.log_in, sessions=replace(fixture.sessions, max_sessions=1))
    await log_in.handle(logging_in(profile, RECOVERY))
    with monkeypatch.context() as patched:
        patched.setattr(fixture.repository, "end", unavailable)
        opened = await log_in.handle(logging_in(profile, code(fixture)))

    assert await fixture.accepts(opened)
    assert len(fixture.repository.stored) == 2
    await log_in.handle(logging_in(profile, code(fixture, 1)))
    assert len(fixture.repository.stored) == 1


async def unavailable(*_: object, **__: object) -> None:
    raise Unavailable


@pytest.mark.parametrize("needed_by", [frozenset(), frozenset({Role.ADMIN}), frozenset(Role)])
async def test_operators_say_who_needs_one_and_of_others_no_session_is_read(
    needed_by: frozenset[Role],
) -> None:
    fixture = AppFixture()
    strict = replace(fixture.sessions, second_factor_for=needed_by)
    for role in needed_by:
        assert await strict.lacks_code(a_user(role=role))
    fixture.repository.find = None  # type: ignore[assignment,method-assign]
    for role in Role:
        assert not await strict.lacks_code(replace(a_user(role=role), with_code=True))
    for role in {*Role} - needed_by:
        assert not await strict.lacks_code(a_user(role=role))


def user_of(fixture: AppFixture, tokens: LoggedIn) -> User:
    return fixture.tokens.verify(tokens.access_token.text).user
