"""Whoever speaks for the service asks for a second factor by the same rules."""

import base64
import time
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from pydantic import SecretStr

from profile_contracts.auth import ChangePassword, ConfirmTotp, EnrollTotp, LogIn, RemoveTotp, TotpEnrolment
from profile_contracts.errors import Conflict, Forbidden, Invalid, Unauthenticated
from profile_contracts.profiles import GetProfile, Profile
from service.domain.totp import code_at
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Person, Subject


def _code(enrolment: TotpEnrolment, steps: int = 0) -> SecretStr:
    """Return what the app shows now, or so many steps of 30 s later."""
    return SecretStr(code_at(base64.b32decode(enrolment.secret), int(time.time()) // 30 + steps))


async def _enrolled(subject: Subject, person: Person) -> TotpEnrolment:
    return await subject.api.enroll_totp(EnrollTotp(current_password=PASSWORD), person.token)


def _confirmation(enrolment: TotpEnrolment, otp: SecretStr) -> ConfirmTotp:
    return ConfirmTotp(enrolment=SecretStr(enrolment.enrolment), otp=otp)


async def test_a_login_needs_a_code_once_an_app_has_shown_one(subject: Subject) -> None:
    person = await subject.person()
    enrolment = await _enrolled(subject, person)
    login = LogIn(email=person.email, password=PASSWORD)

    assert parse_qs(urlsplit(enrolment.uri).query)["secret"] == [enrolment.secret]
    assert enrolment.expires_in == 1800
    await subject.api.log_in(login)  # what is not confirmed is none
    wide = SecretStr("\N{FULLWIDTH DIGIT ONE}" * 6)
    for wrong in (SecretStr("abcdef"), wide):
        async with refusing(Unauthenticated, "otp_invalid"):
            await subject.api.confirm_totp(_confirmation(enrolment, wrong), person.token)
    confirmed = await subject.api.confirm_totp(_confirmation(enrolment, _code(enrolment)), person.token)

    assert len(set(confirmed.recovery_codes)) == 10
    profile = await subject.api.get_profile(GetProfile(id=person.id), person.token)
    assert isinstance(profile, Profile)
    assert profile.totp_enrolled
    async with refusing(Unauthenticated, "otp_required"):
        await subject.api.log_in(login)
    async with refusing(Unauthenticated, "invalid_credentials"):
        await subject.api.log_in(
            login.model_copy(update={"password": SecretStr("wrong"), "otp": _code(enrolment, 1)})
        )
    for wrong in (SecretStr("abcdef"), wide):
        async with refusing(Unauthenticated, "otp_invalid"):
            await subject.api.log_in(login.model_copy(update={"otp": wrong}))
    following = login.model_copy(update={"otp": _code(enrolment, 1)})
    await subject.api.log_in(following)
    async with refusing(Unauthenticated, "otp_invalid"):
        await subject.api.log_in(following)  # a code is good once
    recovery = login.model_copy(update={"otp": SecretStr(confirmed.recovery_codes[0].upper())})
    await subject.api.log_in(recovery)
    assert await reason_of(subject.api.log_in(recovery)) == "otp_invalid"
    async with refusing(Conflict, "totp_already_enrolled"):
        await _enrolled(subject, person)


async def test_recovery_codes_that_are_lost_are_not_told_again_nor_replaced_once_the_factor_is_removed(
    subject: Subject,
) -> None:
    person, key = await subject.person(), uuid4().hex
    enrolment = await _enrolled(subject, person)
    confirmation = _confirmation(enrolment, _code(enrolment))
    await subject.api.confirm_totp(confirmation, person.token, idempotency_key=key)
    async with refusing(Conflict, "totp_already_enrolled"):
        await subject.api.confirm_totp(confirmation, person.token, idempotency_key=key)
    await subject.api.remove_totp(RemoveTotp(current_password=PASSWORD), person.token)

    async with refusing(Invalid, "enrolment_invalid", "enrolment"):
        await subject.api.confirm_totp(confirmation, person.token, idempotency_key=key)
    profile = await subject.api.get_profile(GetProfile(id=person.id), person.token)
    assert isinstance(profile, Profile)
    assert not profile.totp_enrolled


async def test_an_enrolment_ends_with_the_password_that_was_shown_for_it(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    enrolment = await _enrolled(subject, person)
    change = ChangePassword(current_password=PASSWORD, new_password=SecretStr("a better horse than that"))
    tokens = await subject.api.change_password(change, person.token)

    for token in (tokens.access_token, other.token):
        async with refusing(Invalid, "enrolment_invalid", "enrolment"):
            await subject.api.confirm_totp(_confirmation(enrolment, _code(enrolment)), token)


async def test_a_second_factor_is_taken_away_by_its_user_with_the_password_or_by_an_administrator(
    subject: Subject,
) -> None:
    person, other, admin = await subject.person(), await subject.person(), await subject.admin()
    enrolment = await _enrolled(subject, person)
    await subject.api.confirm_totp(_confirmation(enrolment, _code(enrolment)), person.token)

    async with refusing(Invalid, "current_password_required", "current_password"):
        await subject.api.remove_totp(RemoveTotp(), person.token)
    async with refusing(Forbidden, "not_allowed"):
        await subject.api.remove_totp(RemoveTotp(id=person.id), other.token)
    profile = await subject.api.remove_totp(RemoveTotp(id=person.id), admin.token)
    again = await subject.api.remove_totp(RemoveTotp(current_password=PASSWORD), person.token)

    assert (profile.totp_enrolled, again.version) == (False, profile.version)
    await subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
