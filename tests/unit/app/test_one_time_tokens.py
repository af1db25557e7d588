"""Forgotten passwords and verified addresses: tokens that are good once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest

from service.app.auth.actors import Anonymous, TrustedService
from service.app.auth.log_in import EmailNotVerified, LogIn
from service.app.auth.one_time_tokens import OneTimeTokenInvalid
from service.app.auth.passwords import InvalidCredentials, PasswordTooCommon
from service.app.auth.permissions import NotAllowed
from service.app.auth.reset_password import ResetPassword
from service.app.auth.start_reset import StartReset
from service.app.auth.start_verification import EmailAlreadyVerified, StartVerification
from service.app.auth.verify_email import VerifyEmail
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import Profile, ProfileNotFound, ProfilePatch, Role, Status
from tests.builders import NOON, a_profile, a_user, an_address
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

GATEWAY = TrustedService("gateway")
NOBODY = RequestContext(Anonymous())
OLD, NEW = "correct horse", "a better staple"


def ada(**changes: object) -> Profile:
    return a_profile(hashed_password=fake_hash(OLD.encode()), **changes)


async def reset_token(fixture: AppFixture, profile: Profile) -> str:
    return (await fixture.app.start_reset.handle(StartReset(GATEWAY, profile.email.typed.upper()))).token


async def verification_token(fixture: AppFixture, profile: Profile) -> str:
    return (await fixture.app.start_verification.handle(StartVerification(GATEWAY, profile.id))).token


def logging_in(profile: Profile, password: str = OLD) -> LogIn:
    return LogIn(NOBODY, profile.email.typed, password)


async def test_a_forgotten_password_is_reset_and_all_sessions_end() -> None:
    fixture = AppFixture(profile := ada())
    user, _ = await fixture.logged_in(profile)
    token = await reset_token(fixture, profile)

    assert await fixture.app.reset_password.handle(ResetPassword(NOBODY, token, NEW)) == profile.id
    assert not fixture.is_open(user.session)
    assert fixture.revoked == [(profile.id, (), "password_changed")]
    assert (await fixture.app.log_in.handle(logging_in(profile, NEW))).user_id == profile.id
    with pytest.raises(InvalidCredentials):
        await fixture.app.log_in.handle(logging_in(profile, OLD))


async def test_a_reset_goes_to_the_address_that_is_stored_and_not_to_another_mailbox_that_was_typed() -> None:
    fixture = AppFixture(profile := ada(email=Email.parse("Gross@example.org")))
    typed = "gro\N{LATIN SMALL LETTER SHARP S}@example.org"
    started = await fixture.app.start_reset.handle(StartReset(GATEWAY, typed))

    assert (started.profile_id, started.email) == (profile.id, "Gross@example.org")


async def test_a_reset_is_good_once_however_many_try_at_once() -> None:
    fixture = AppFixture(profile := ada())
    token = await reset_token(fixture, profile)
    tries = [ResetPassword(NOBODY, token, f"{NEW} {number}") for number in range(5)]
    outcomes = await asyncio.gather(
        *(fixture.app.reset_password.handle(each) for each in tries), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["OneTimeTokenInvalid"] * 4 + ["UUID"]
    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.reset_password.handle(ResetPassword(NOBODY, token, NEW))


async def test_who_lost_the_reply_of_a_reset_or_verification_hears_it_again() -> None:
    fixture, repeats = AppFixture(profile := ada()), list[str]()
    key = IdempotencyKey(b"i" * 16, b"d" * 16, on_repeat=lambda: repeats.append("verified"))
    context = replace(NOBODY, idempotency_key=key)
    verify = VerifyEmail(context, await verification_token(fixture, profile))
    first, again = [await fixture.app.verify_email.handle(verify) for _ in range(2)]
    key = IdempotencyKey(b"j" * 16, b"d" * 16, on_repeat=lambda: repeats.append("reset"))
    context = replace(NOBODY, idempotency_key=key)
    reset = ResetPassword(context, await reset_token(fixture, profile), NEW)
    ids = [await fixture.app.reset_password.handle(reset) for _ in range(2)]
    other = replace(NOBODY, idempotency_key=IdempotencyKey(b"j" * 16, b"e" * 16))

    assert first == again
    assert ids == [profile.id] * 2
    assert repeats == ["verified", "reset"]
    assert (await fixture.profiles.get(profile.id)).version == 3
    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.reset_password.handle(ResetPassword(other, reset.token, NEW))


CHANGES: dict[str, Callable[[Profile, datetime], Profile]] = {
    "another password": lambda each, now: each.with_password(now, hashed="another", session_id=uuid4()),
    "another address": lambda each, now: each.updated(ProfilePatch(email=Email.parse(an_address())), now),
    "another spelling": lambda each, now: each.updated(
        ProfilePatch(email=Email.parse(each.email.typed.upper())), now
    ),
    "suspended": lambda each, now: each.updated(ProfilePatch(status=Status.SUSPENDED), now),
    "deleted": lambda each, now: each.deleted(now),
    "erased": lambda each, now: each.erased(now),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_tokens_die_with_any_change_of_password_or_address(change: str) -> None:
    fixture = AppFixture(profile := ada())
    reset, verification = await reset_token(fixture, profile), await verification_token(fixture, profile)
    await fixture.profiles.save(CHANGES[change](profile, NOON))
    hashed = fixture.hasher.hashed

    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.reset_password.handle(ResetPassword(NOBODY, reset, NEW))
    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.verify_email.handle(VerifyEmail(NOBODY, verification))
    assert fixture.hasher.hashed == hashed  # nobody makes us work for a dead token


async def test_an_address_that_comes_back_brings_no_token_back() -> None:
    fixture = AppFixture(profile := ada())
    tokens = await reset_token(fixture, profile), await verification_token(fixture, profile)
    away = profile.updated(ProfilePatch(email=Email.parse(an_address())), NOON)
    await fixture.profiles.save(away)
    await fixture.profiles.save(away.updated(ProfilePatch(email=profile.email), NOON))

    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.reset_password.handle(ResetPassword(NOBODY, tokens[0], NEW))
    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.verify_email.handle(VerifyEmail(NOBODY, tokens[1]))


async def test_a_change_of_the_name_and_a_hash_made_anew_leave_tokens_alone() -> None:
    fixture = AppFixture(profile := ada())
    token = await reset_token(fixture, profile)
    await fixture.profiles.save(profile.updated(ProfilePatch(last_name="King"), NOON))
    await fixture.profiles.replace_hash(profile, "hash of another cost")
    await fixture.app.verify_email.handle(VerifyEmail(NOBODY, await verification_token(fixture, profile)))

    assert await fixture.app.reset_password.handle(ResetPassword(NOBODY, token, NEW)) == profile.id


async def test_a_password_that_nobody_should_have_leaves_the_token_good() -> None:
    fixture = AppFixture(profile := ada())
    token = await reset_token(fixture, profile)
    with pytest.raises(PasswordTooCommon) as refused:
        await fixture.app.reset_password.handle(ResetPassword(NOBODY, token, "Password123"))

    assert refused.value.field == "new_password"
    assert await fixture.app.reset_password.handle(ResetPassword(NOBODY, token, NEW)) == profile.id


async def test_only_a_trusted_service_learns_who_has_an_account() -> None:
    profile, boss, away = ada(), a_profile(role=Role.ADMIN), ada(status=Status.SUSPENDED)
    fixture = AppFixture(profile, boss, away)
    start = fixture.app.start_reset
    for email in (profile.email.typed, "nobody@example.org", "nonsense"):
        for actor in (a_user(profile.id), a_user(boss.id, Role.ADMIN)):
            with pytest.raises(NotAllowed):
                await start.handle(StartReset(actor, email))
    for email in ("nobody@example.org", away.email.typed):
        with pytest.raises(ProfileNotFound):
            await start.handle(StartReset(GATEWAY, email))


async def test_an_address_is_verified_once_and_unverified_when_it_changes() -> None:
    fixture = AppFixture(profile := ada())
    token = await verification_token(fixture, profile)
    verified = await fixture.app.verify_email.handle(VerifyEmail(NOBODY, token))
    told = [event.data["changed"] for event in fixture.profiles.published]
    spelt = verified.updated(ProfilePatch(email=Email.parse(profile.email.typed.upper())), NOON)
    changed = verified.updated(ProfilePatch(email=Email.parse(an_address())), NOON)
    back = changed.updated(ProfilePatch(email=profile.email), NOON)

    assert (profile.email_verified, verified.email_verified, verified.version) == (False, True, 2)
    assert told == [["email_verified"]]
    assert [each.email_verified for each in (spelt, changed, back)] == [True, False, False]
    assert changed.events[0].data["changed"] == ["email", "email_verified"]
    assert not verified.erased(NOON).email_verified
    assert verified.deleted(NOON).restored(NOON).email_verified
    with pytest.raises(OneTimeTokenInvalid):
        await fixture.app.verify_email.handle(VerifyEmail(NOBODY, token))
    with pytest.raises(EmailAlreadyVerified):
        await fixture.app.start_verification.handle(StartVerification(GATEWAY, profile.id))


def test_an_address_that_a_former_version_has_changed_is_not_verified() -> None:
    """It leaves alone what it does not know."""
    verified = ada().with_verified_email(NOON)

    assert not replace(verified, email=Email.parse(an_address())).email_verified


async def test_a_login_may_need_a_verified_address_and_only_who_knows_the_password_is_told() -> None:
    fixture = AppFixture(profile := ada())
    log_in = replace(fixture.app.log_in, needs_verified_email=True)
    with pytest.raises(InvalidCredentials):
        await log_in.handle(logging_in(profile, NEW))
    with pytest.raises(EmailNotVerified):
        await log_in.handle(logging_in(profile))
    await fixture.app.verify_email.handle(VerifyEmail(NOBODY, await verification_token(fixture, profile)))

    assert (await log_in.handle(logging_in(profile))).user_id == profile.id
