from datetime import timedelta
from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.commands.delete_profile import DeleteProfile, DeleteProfileHandler
from service.app.request_context import RequestContext
from service.domain.errors import StaleVersion
from service.domain.profile import Profile, ProfileNotFound, Role, Status
from tests.builders import NOON, a_profile, a_user
from tests.fakes.app_fixture import AppFixture

LATER = NOON + timedelta(minutes=1)
ADMIN = a_user(uuid4(), Role.ADMIN)


@pytest.fixture
def ada() -> Profile:
    return a_profile()


def handler(*stored: Profile) -> DeleteProfileHandler:
    return AppFixture(*stored, time=LATER).app.delete_profile


@pytest.mark.parametrize("actor", [None, ADMIN, TrustedService("hr")])
async def test_owner_admin_and_trusted_service_delete(ada: Profile, actor: Actor | None) -> None:
    delete = handler(ada)
    gone = await delete.handle(
        DeleteProfile(context=RequestContext(actor or a_user(ada.id, Role.USER)), profile_id=ada.id)
    )

    assert (gone.status, gone.deleted_at, gone.version) == (Status.DELETED, LATER, 2)
    with pytest.raises(ProfileNotFound):
        await delete.profiles.get(ada.id)


async def test_the_address_is_free_from_then_on(ada: Profile) -> None:
    delete = handler(ada)
    await delete.handle(DeleteProfile(context=RequestContext(ADMIN), profile_id=ada.id))
    await delete.profiles.add(heir := a_profile(email=ada.email))

    assert await delete.profiles.find_by_email(ada.email) == heir


async def test_deleting_twice_finds_nothing(ada: Profile) -> None:
    delete = handler(ada)
    await delete.handle(DeleteProfile(context=RequestContext(ADMIN), profile_id=ada.id))

    with pytest.raises(ProfileNotFound):
        await delete.handle(DeleteProfile(context=RequestContext(ADMIN), profile_id=ada.id))


async def test_another_user_may_see_it_but_not_delete_it(ada: Profile) -> None:
    other = a_user(uuid4(), Role.USER)

    with pytest.raises(NotAllowed):
        await handler(ada).handle(
            DeleteProfile(context=RequestContext(other), profile_id=ada.id, expected_version=99)
        )
    with pytest.raises(ProfileNotFound):
        await handler(ada).handle(DeleteProfile(context=RequestContext(other), profile_id=uuid4()))


async def test_anonymous_does_not_hear_whether_it_is_there(ada: Profile) -> None:
    for profile_id in (ada.id, uuid4()):
        with pytest.raises(MissingToken):
            await handler(ada).handle(
                DeleteProfile(context=RequestContext(Anonymous()), profile_id=profile_id)
            )


async def test_the_expected_version_has_to_be_the_stored_one(ada: Profile) -> None:
    delete = handler(ada)

    with pytest.raises(StaleVersion):
        await delete.handle(
            DeleteProfile(context=RequestContext(ADMIN), profile_id=ada.id, expected_version=2)
        )
    gone = await delete.handle(
        DeleteProfile(context=RequestContext(ADMIN), profile_id=ada.id, expected_version=1)
    )

    assert gone.version == 2
