from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService
from service.app.auth.passwords import PasswordTooCommon, PasswordTooPersonal
from service.app.auth.permissions import RoleNotAllowed
from service.app.commands.create_profile import CreateProfile, CreateProfileHandler
from service.app.optimistic_update import WriteContention
from service.app.request_context import RequestContext
from service.domain.email import Email, EmailMalformed
from service.domain.errors import ServiceError
from service.domain.idempotency import AlreadyCreated, IdempotencyKey
from service.domain.password import PasswordMalformed, PasswordTooLong, PasswordTooShort
from service.domain.profile import EmailTaken, Profile, Role, Status
from tests.builders import NOON, a_profile, a_user, an_address
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

ADMIN = a_user(uuid4(), Role.ADMIN)


def handler(*stored: Profile) -> CreateProfileHandler:
    return AppFixture(*stored).app.create_profile


def a_command(**changes: object) -> CreateProfile:
    values: dict[str, object] = {
        "context": RequestContext(Anonymous()),
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": an_address(),
        "password": "correct horse",
    }
    return CreateProfile(**{**values, **changes})  # type: ignore[arg-type]


async def test_anybody_may_sign_up() -> None:
    create, command = handler(), a_command()
    made = await create.handle(command)

    assert await create.profiles.get(made.id) == made
    assert (made.first_name, made.last_name, made.email.typed) == ("Ada", "Lovelace", command.email)
    assert (made.role, made.status, made.version) == (Role.USER, Status.ACTIVE, 1)
    assert made.created_at == made.updated_at == NOON
    assert (made.id.version, made.deleted_at) == (7, None)


async def test_the_password_is_kept_as_a_hash_of_its_normal_form() -> None:
    made = await handler().handle(a_command(password="\uff50repared"))

    assert made.hashed_password == fake_hash(b"prepared")


@pytest.mark.parametrize("actor", [ADMIN, TrustedService("hr")])
async def test_admins_and_trusted_services_give_roles(actor: Actor) -> None:
    made = await handler().handle(a_command(context=RequestContext(actor), role=Role.ADMIN))

    assert made.role is Role.ADMIN


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (a_user(uuid4(), Role.USER), RoleNotAllowed),
        (Anonymous(), MissingToken),
        (Anonymous(auth_error=TokenExpired()), TokenExpired),
    ],
)
async def test_nobody_else_gives_roles(actor: Actor, refusal: type[ServiceError]) -> None:
    with pytest.raises(refusal):
        await handler().handle(a_command(context=RequestContext(actor), role=Role.ADMIN))


async def test_an_address_is_given_once_in_whatever_spelling() -> None:
    create = handler(a_profile(email=Email.parse("ada@example.org")))

    with pytest.raises(EmailTaken):
        await create.handle(a_command(email="ADA@Example.ORG"))


async def test_what_is_created_and_then_lost_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A primary that is cut off may have it, and lose it before most members have it."""
    create, key = handler(), IdempotencyKey(b"i" * 16, b"d" * 16)

    async def refuse(_profile: Profile, **_more: object) -> None:
        raise AlreadyCreated

    monkeypatch.setattr(create.profiles, "add", refuse)
    with pytest.raises(WriteContention) as refused:
        await create.handle(a_command(context=RequestContext(Anonymous(), idempotency_key=key)))

    assert refused.value.retryable


async def test_a_taken_address_takes_the_same_work_as_a_free_one() -> None:
    app_fixture = AppFixture(a_profile(email=Email.parse("ada@example.org")))
    await app_fixture.app.create_profile.handle(a_command(email="bea@example.org"))
    assert app_fixture.hasher.hashed == 1

    with pytest.raises(EmailTaken):
        await app_fixture.app.create_profile.handle(a_command(email="ada@example.org"))
    assert app_fixture.hasher.hashed == 2


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"email": "ada"}, EmailMalformed),
        ({"password": "1234567"}, PasswordTooShort),
        ({"password": "a" * 73}, PasswordTooLong),
        ({"password": "12345678\0"}, PasswordMalformed),
        ({"password": "Password123"}, PasswordTooCommon),
        ({"password": "\uff30assword123"}, PasswordTooCommon),
        ({"password": "adalovelace1"}, PasswordTooPersonal),
        ({"password": "\uff21da.Lovelace"}, PasswordTooPersonal),
    ],
)
async def test_what_is_refused_is_not_hashed(changes: dict[str, object], refusal: type[ServiceError]) -> None:
    app_fixture = AppFixture()

    with pytest.raises(refusal):
        await app_fixture.app.create_profile.handle(a_command(**changes))
    assert app_fixture.hasher.hashed == 0


def test_a_command_does_not_show_its_password() -> None:
    assert "correct horse" not in repr(a_command())
