"""Whoever speaks for the service resets passwords and verifies addresses by the same rules."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from profile_contracts.auth import (
    ChangePassword,
    LogIn,
    ResetPassword,
    StartReset,
    StartVerification,
    VerifyEmail,
    VerifyToken,
)
from profile_contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from profile_contracts.operations import AUTH_START_RESET
from profile_contracts.profiles import (
    DeleteProfile,
    GetProfile,
    RestoreProfile,
    Role,
    SettableStatus,
    UpdateProfile,
)
from tests.builders import an_address
from tests.integration.clients.failing import reason_of, refusing
from tests.integration.clients.subjects import PASSWORD, Person, Subject

NEW = SecretStr("a better horse than that")


async def _reset(subject: Subject, person: Person) -> SecretStr:
    """Return a token by which the password can be reset."""
    return SecretStr((await subject.trusted.start_reset(StartReset(email=person.email))).token)


async def _verification(subject: Subject, person: Person) -> SecretStr:
    """Return a token by which the address can be verified."""
    started = await subject.api.start_verification(StartVerification(id=person.id), person.token)
    return SecretStr(started.token)


async def test_a_forgotten_password_is_reset_by_a_token_that_is_good_once(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    started = await subject.trusted.start_reset(StartReset(email=person.email.upper()))
    request = ResetPassword(token=SecretStr(started.token), new_password=NEW)

    # It is sent to the address that is stored. Who asks may have typed that of another mailbox.
    assert (started.profile_id, started.email, started.expires_in) == (person.id, person.email, 1800)
    async with refusing(Invalid, "password_too_personal", "new_password"):
        personal = request.model_copy(update={"new_password": SecretStr("Lovelace42")})
        await subject.api.reset_password(personal)
    done = [await subject.api.reset_password(request, idempotency_key=key) for _ in range(2)]
    assert [each.profile_id for each in done] == [person.id, person.id]
    another = request.model_copy(update={"new_password": SecretStr("yet another horse")})
    for late in (
        subject.api.reset_password(request),
        subject.api.reset_password(another, idempotency_key=key),
    ):
        async with refusing(Unauthenticated, "one_time_token_invalid"):
            await late
    assert not (await subject.api.verify_token(VerifyToken(token=SecretStr(person.token)))).active
    old = subject.api.log_in(LogIn(email=person.email, password=PASSWORD))
    assert await reason_of(old) == "invalid_credentials"
    new = await subject.api.log_in(LogIn(email=person.email, password=NEW))
    assert new.profile_id == person.id


async def test_only_who_may_log_in_gets_a_reset_and_only_a_trusted_service(subject: Subject) -> None:
    person, suspended, admin = await subject.person(), await subject.person(), await subject.admin()
    suspend = UpdateProfile(id=suspended.id, status=SettableStatus.SUSPENDED)
    await subject.api.update_profile(suspend, admin.token)
    for email in (an_address(), suspended.email):
        async with refusing(NotFound, "profile_not_found", "id"):
            await subject.trusted.start_reset(StartReset(email=email))
    async with refusing(Invalid, "email_malformed", "email"):
        await subject.trusted.start_reset(StartReset(email="no address"))
    for email in (person.email, an_address()):
        async with refusing(Forbidden, "not_allowed"):
            await subject.api.call(AUTH_START_RESET, StartReset(email=email), admin.token)


@pytest.mark.parametrize("ends", ["password", "email", "role", "deletion"])
async def test_a_token_ends_with_what_it_was_given_for(subject: Subject, ends: str) -> None:
    person, admin = await subject.person(), await subject.admin()
    reset, verification = await _reset(subject, person), await _verification(subject, person)
    for wrong in (
        subject.api.reset_password(ResetPassword(token=verification, new_password=NEW)),
        subject.api.verify_email(VerifyEmail(token=reset)),
    ):
        async with refusing(Unauthenticated, "one_time_token_invalid"):
            await wrong
    if ends == "password":
        change = ChangePassword(current_password=PASSWORD, new_password=NEW)
        await subject.api.change_password(change, person.token)
    elif ends == "email":
        respelt = UpdateProfile(id=person.id, email=person.email.upper())
        await subject.api.update_profile(respelt, admin.token)
    elif ends == "role":
        await subject.api.update_profile(UpdateProfile(id=person.id, role=Role.ADMIN), admin.token)
    else:
        await subject.api.delete_profile(DeleteProfile(id=person.id), admin.token)
        await subject.api.restore_profile(RestoreProfile(id=person.id), admin.token)
    for late in (
        subject.api.reset_password(ResetPassword(token=reset, new_password=NEW)),
        subject.api.verify_email(VerifyEmail(token=verification)),
    ):
        async with refusing(Unauthenticated, "one_time_token_invalid"):
            await late


async def test_an_address_is_verified_until_it_is_another(subject: Subject) -> None:
    person, admin, key = await subject.person(), await subject.admin(), uuid4().hex
    own = StartVerification(id=person.id)
    started = await subject.api.start_verification(own, admin.token)
    request = VerifyEmail(token=SecretStr(started.token))
    unused = VerifyEmail(token=await _verification(subject, person))
    verified = await subject.api.verify_email(request, idempotency_key=key)

    assert (started.email, started.expires_in) == (person.email, 1800)
    assert (verified.email_verified, verified.version) == (True, 2)
    assert await subject.api.verify_email(request, idempotency_key=key) == verified
    for used in (request, unused):
        async with refusing(Unauthenticated, "one_time_token_invalid"):
            await subject.api.verify_email(used)
    async with refusing(Conflict, "email_already_verified"):
        await subject.api.start_verification(own, person.token)
    shown = []
    for email in (person.email.upper(), an_address(), person.email):
        change = UpdateProfile(id=person.id, email=email, current_password=PASSWORD)
        shown.append(await subject.api.update_profile(change, person.token))
    assert [each.email_verified for each in shown] == [True, False, False]
    assert await subject.api.get_profile(GetProfile(id=person.id), person.token) == shown[-1]
