from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService, User
from service.app.auth.passwords import CurrentPasswordRequired, InvalidCredentials
from service.app.auth.permissions import NotAllowed
from service.app.commands.update_profile import UpdateProfile, UpdateProfileHandler
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.errors import ServiceError, StaleVersion
from service.domain.patch import NothingToChange
from service.domain.profile import EmailTaken, Profile, ProfileNotFound, ProfilePatch, Role, Status
from tests.builders import NOON, a_profile, a_user, an_address
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import FakePasswords, fake_hash

PASSWORD = "correct horse"
ADMIN, TRUSTED, OTHER = a_user(uuid4(), Role.ADMIN), TrustedService("hr"), a_user(uuid4(), Role.USER)
KING = ProfilePatch(last_name="King")
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def ada() -> Profile:
    return a_profile(hashed_password=fake_hash(PASSWORD.encode()))


def handler(*stored: Profile) -> UpdateProfileHandler:
    return AppFixture(*stored, time=LATER).app.update_profile


def an_update(*, actor: Actor, **values: Any) -> UpdateProfile:
    return UpdateProfile(context=RequestContext(actor), **values)


def owner(profile: Profile) -> User:
    return a_user(profile.id, Role.USER)


def a_new_address() -> ProfilePatch:
    return ProfilePatch(email=Email.parse(an_address()))


@pytest.mark.parametrize("actor", [None, ADMIN, TRUSTED])
async def test_owner_admin_and_trusted_service_change_names(ada: Profile, actor: Actor | None) -> None:
    update = handler(ada)
    changed = await update.handle(an_update(actor=actor or owner(ada), profile_id=ada.id, patch=KING))

    assert (changed.last_name, changed.version, changed.updated_at) == ("King", 2, LATER)
    assert await update.profiles.get(ada.id) == changed


async def test_another_user_may_see_it_but_not_change_it(ada: Profile) -> None:
    with pytest.raises(NotAllowed):
        await handler(ada).handle(an_update(actor=OTHER, profile_id=ada.id, patch=KING))


@pytest.mark.parametrize("actor", [OTHER, ADMIN, TRUSTED])
async def test_what_is_not_there_is_not_found_before_it_is_forbidden(actor: Actor) -> None:
    with pytest.raises(ProfileNotFound):
        await handler().handle(an_update(actor=actor, profile_id=uuid4(), patch=KING))


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [(Anonymous(), MissingToken), (Anonymous(auth_error=TokenExpired()), TokenExpired)],
)
async def test_anonymous_does_not_hear_whether_it_is_there(
    ada: Profile, actor: Actor, refusal: type[ServiceError]
) -> None:
    for profile_id in (ada.id, uuid4()):
        with pytest.raises(refusal):
            await handler(ada).handle(an_update(actor=actor, profile_id=profile_id, patch=KING))


async def test_nobody_else_hears_that_a_version_is_stale(ada: Profile) -> None:
    with pytest.raises(NotAllowed):
        await handler(ada).handle(an_update(actor=OTHER, profile_id=ada.id, patch=KING, expected_version=99))


@pytest.mark.parametrize("patch", [ProfilePatch(role=Role.ADMIN), ProfilePatch(status=Status.SUSPENDED)])
async def test_only_an_admin_changes_role_and_status(ada: Profile, patch: ProfilePatch) -> None:
    for actor in (owner(ada), TRUSTED):
        with pytest.raises(NotAllowed):
            await handler(ada).handle(an_update(actor=actor, profile_id=ada.id, patch=patch))

    changed = await handler(ada).handle(an_update(actor=ADMIN, profile_id=ada.id, patch=patch))

    assert changed.version == 2


async def test_a_change_at_the_expected_version_is_made(ada: Profile) -> None:
    changed = await handler(ada).handle(
        an_update(actor=owner(ada), profile_id=ada.id, patch=KING, expected_version=1)
    )

    assert changed.version == 2


@pytest.mark.parametrize("patch", [KING, ProfilePatch(last_name="Lovelace")])
async def test_a_change_at_another_version_is_refused(ada: Profile, patch: ProfilePatch) -> None:
    update = handler(ada)

    with pytest.raises(StaleVersion):
        await update.handle(an_update(actor=owner(ada), profile_id=ada.id, patch=patch, expected_version=2))
    assert await update.profiles.get(ada.id) == ada


async def test_a_change_to_what_is_there_keeps_version_and_time(ada: Profile) -> None:
    same = ProfilePatch(last_name="Lovelace")
    changed = await handler(ada).handle(an_update(actor=owner(ada), profile_id=ada.id, patch=same))

    assert changed == ada


async def test_an_update_has_to_name_a_field(ada: Profile) -> None:
    with pytest.raises(NothingToChange):
        await handler(ada).handle(an_update(actor=owner(ada), profile_id=ada.id, patch=ProfilePatch()))


async def test_the_owner_changes_the_address_with_the_password(ada: Profile) -> None:
    patch = a_new_address()
    changed = await handler(ada).handle(
        an_update(actor=owner(ada), profile_id=ada.id, patch=patch, current_password=PASSWORD)
    )

    assert changed.email == patch.email


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        (None, CurrentPasswordRequired),
        ("wrong horse", InvalidCredentials),
        ("a" * 73, InvalidCredentials),
        ("\0", InvalidCredentials),
        ("", InvalidCredentials),
    ],
)
async def test_the_owner_does_not_change_the_address_without_it(
    ada: Profile, password: str | None, refusal: type[ServiceError]
) -> None:
    update = handler(ada)

    with pytest.raises(refusal):
        await update.handle(
            an_update(
                actor=owner(ada),
                profile_id=ada.id,
                patch=a_new_address(),
                current_password=password,
            )
        )
    assert await update.profiles.get(ada.id) == ada


@pytest.mark.parametrize("actor", [ADMIN, TRUSTED])
async def test_admin_and_trusted_service_need_no_password(ada: Profile, actor: Actor) -> None:
    changed = await handler(ada).handle(an_update(actor=actor, profile_id=ada.id, patch=a_new_address()))

    assert changed.version == 2


async def test_a_user_who_was_deleted_does_not_find_the_own_profile(ada: Profile) -> None:
    gone = ada.deleted(NOON)

    with pytest.raises(ProfileNotFound):
        await handler(gone).handle(
            an_update(
                actor=owner(ada),
                profile_id=ada.id,
                patch=a_new_address(),
                current_password=PASSWORD,
            )
        )


async def test_an_address_that_another_has_is_taken(ada: Profile) -> None:
    bob = a_profile()

    with pytest.raises(EmailTaken):
        await handler(ada, bob).handle(
            an_update(actor=ADMIN, profile_id=ada.id, patch=ProfilePatch(email=bob.email))
        )


async def test_a_password_is_not_asked_for_a_name(ada: Profile) -> None:
    update = handler(ada)
    await update.handle(an_update(actor=owner(ada), profile_id=ada.id, patch=KING))

    assert isinstance(update.passwords.hasher, FakePasswords)
    assert update.passwords.hasher.verified == 0


def test_a_command_does_not_show_its_password() -> None:
    command = an_update(actor=ADMIN, profile_id=uuid4(), patch=KING, current_password=PASSWORD)

    assert PASSWORD not in repr(command)
