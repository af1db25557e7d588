"""Whoever speaks for the service signs users up by the same rules."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from profile_contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from profile_contracts.profiles import DeleteProfile, Role, Status
from tests.integration.clients.failing import refusing
from tests.integration.clients.subjects import Subject, a_sign_up


async def test_a_new_profile_is_what_was_asked_for(subject: Subject) -> None:
    request = a_sign_up(first_name="  Zoë ", last_name="King")
    created = await subject.api.create_profile(request)

    assert (created.first_name, created.last_name, created.email) == ("Zoë", "King", request.email)
    assert (created.role, created.status, created.version) == (Role.USER, Status.ACTIVE, 1)
    assert created.created_at == created.updated_at
    assert created.id.version == 7


async def test_an_address_is_taken_in_whatever_spelling(subject: Subject) -> None:
    created = await subject.api.create_profile(a_sign_up())
    async with refusing(Conflict, "email_taken", "email"):
        await subject.api.create_profile(a_sign_up(email=created.email.upper()))


@pytest.mark.parametrize(
    "email", ["ada", "ada@", "@example.org", "a b@example.org", "ada@exa mple.org", "a..b@c.de"]
)
async def test_what_is_no_address_is_refused(subject: Subject, email: str) -> None:
    async with refusing(Invalid, "email_malformed", "email"):
        await subject.api.create_profile(a_sign_up(email=email))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("1234567", "password_too_short"),
        ("x" * 73, "password_too_long"),
        ("correct\0horse", "password_malformed"),
        ("password123", "password_too_common"),
        ("Lovelace42", "password_too_personal"),
    ],
)
async def test_a_bad_password_is_refused(subject: Subject, password: str, reason: str) -> None:
    async with refusing(Invalid, reason, "password"):
        await subject.api.create_profile(a_sign_up(password=SecretStr(password)))


async def test_only_administrators_give_roles(subject: Subject) -> None:
    request = a_sign_up(role=Role.ADMIN)
    async with refusing(Unauthenticated, "missing_token"):
        await subject.api.create_profile(request)
    async with refusing(Forbidden, "role_not_allowed", "role"):
        await subject.api.create_profile(request, (await subject.person()).token)
    created = await subject.api.create_profile(request, (await subject.admin()).token)

    assert created.role is Role.ADMIN


async def test_the_same_command_again_has_no_second_effect(subject: Subject) -> None:
    request, key = a_sign_up(), uuid4().hex
    first = await subject.api.create_profile(request, idempotency_key=key)
    second = await subject.api.create_profile(request, idempotency_key=key)

    assert first == second


async def test_another_command_under_the_same_key_is_refused(subject: Subject) -> None:
    key = uuid4().hex
    await subject.api.create_profile(a_sign_up(), idempotency_key=key)
    async with refusing(Conflict, "message_id_reused"):
        await subject.api.create_profile(a_sign_up(), idempotency_key=key)


async def test_the_same_command_again_finds_nothing_if_the_profile_is_gone(subject: Subject) -> None:
    request, key = a_sign_up(), uuid4().hex
    created = await subject.api.create_profile(request, idempotency_key=key)
    await subject.api.delete_profile(DeleteProfile(id=created.id), (await subject.admin()).token)
    async with refusing(NotFound, "profile_not_found", "id"):
        await subject.api.create_profile(request, idempotency_key=key)
