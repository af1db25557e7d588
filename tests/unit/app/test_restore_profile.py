import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from service.app.commands.restore_profile import RestoreProfile, RestoreProfileHandler
from service.domain.profile import EmailTaken, NotDeleted, Profile, ProfileNotFound, Status
from tests.builders import NOON, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.operating import OPERATOR, restorer
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(minutes=1)


def handler(*stored: Profile) -> RestoreProfileHandler:
    return restorer(FakeProfiles(*stored), FakeClock(LATER))


async def test_a_deleted_profile_comes_back_with_its_address() -> None:
    deleted = a_profile().deleted(NOON)
    restore = handler(deleted)
    restored = await restore.handle(RestoreProfile(context=OPERATOR, profile_id=deleted.id))

    assert (restored.status, restored.version, restored.updated_at) == (Status.ACTIVE, 3, LATER)
    assert await restore.profiles.find_by_email(deleted.email) == restored


async def test_it_is_not_restored_while_another_has_its_address() -> None:
    deleted = a_profile().deleted(NOON)
    heir = a_profile(email=deleted.email)
    restore = handler(deleted, heir)

    with pytest.raises(EmailTaken):
        await restore.handle(RestoreProfile(context=OPERATOR, profile_id=deleted.id))
    assert await restore.profiles.get_including_deleted(deleted.id) == deleted


@pytest.mark.parametrize(
    "profile",
    [a_profile(), a_profile(status=Status.SUSPENDED), a_profile().erased(NOON)],
    ids=lambda each: each.status,
)
async def test_what_is_not_deleted_is_not_restored(profile: Profile) -> None:
    restore = handler(profile)

    with pytest.raises(NotDeleted):
        await restore.handle(RestoreProfile(context=OPERATOR, profile_id=profile.id))
    assert await restore.profiles.get_including_deleted(profile.id) == profile


async def test_who_never_was_is_not_restored() -> None:
    with pytest.raises(ProfileNotFound):
        await handler().handle(RestoreProfile(context=OPERATOR, profile_id=uuid4()))


async def test_of_those_who_restore_it_at_once_one_does() -> None:
    deleted = a_profile().deleted(NOON)
    restore = handler(deleted)
    outcomes = await asyncio.gather(
        *(restore.handle(RestoreProfile(context=OPERATOR, profile_id=deleted.id)) for _ in range(3)),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes] == [Profile, NotDeleted, NotDeleted]
