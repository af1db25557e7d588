"""Profiles by the thousand, as an import stores them."""

from uuid import uuid4

import pytest

from service.domain.email import Email
from service.domain.profile import EmailTaken, IdTaken, Profile, ProfileRepository
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import default_database
from tests.builders import NOON, a_profile
from tests.fakes.profiles import FakeProfiles


@pytest.fixture(params=["fake", "pymongo", "motor"])
def profiles(request: pytest.FixtureRequest) -> ProfileRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    if request.param == "fake":
        return FakeProfiles()
    return MongoProfiles(default_database(request.getfixturevalue(f"{request.param}_client")))


async def added(profiles: ProfileRepository, *several: Profile) -> list[type | None]:
    """Return why each could not be stored."""
    return [type(each) if each else None for each in await profiles.add_many(several)]


async def test_each_is_stored_or_says_why_not(profiles: ProfileRepository) -> None:
    there, gone = a_profile(), a_profile().deleted(NOON)
    ada, twin, heir = a_profile(), a_profile(), a_profile(email=gone.email)
    same_address, same_id = a_profile(email=there.email), a_profile(id=there.id)
    both = a_profile(id=there.id, email=there.email)
    await profiles.add(there)
    await profiles.add(gone)
    several = [ada, same_address, same_id, both, twin, a_profile(email=twin.email), heir]

    expected = [None, EmailTaken, IdTaken, EmailTaken, None, EmailTaken, None]
    assert await added(profiles, *several) == expected
    assert [await profiles.get(each.id) for each in (ada, twin, heir, there)] == [ada, twin, heir, there]
    assert await added(profiles, *several) == [EmailTaken, EmailTaken, IdTaken, *[EmailTaken] * 4]
    assert await added(profiles) == []


async def test_events_are_stored_with_them_and_wait(profiles: ProfileRepository) -> None:
    ada = a_profile().with_created_event()

    assert await added(profiles, ada) == [None]
    if isinstance(profiles, MongoProfiles):
        found = await profiles._profiles.find_one({"id": ada.id})  # noqa: SLF001 - what the outbox reads
        assert found
        assert [each["type"] for each in found["outbox"]] == ["profile.created"]


async def test_taken_is_what_profiles_have_that_are_not_deleted(profiles: ProfileRepository) -> None:
    there, gone, nobody = a_profile(), a_profile().deleted(NOON), a_profile()
    await profiles.add_many([there, gone])
    spelt = Email.parse(there.email.typed.upper())

    assert set(await profiles.find_taken([spelt, gone.email, nobody.email])) == {there.email.key}
    assert not await profiles.find_taken([])


async def test_the_rule_before_holds_for_many_as_for_one(profiles: ProfileRepository) -> None:
    """Who signed up as `Faß.de`, when that was `fass.de`, keeps nobody else from `fass.de`."""
    local = uuid4().hex
    former = a_profile(email=Email(f"{local}@Fa\u00df.de", f"{local}@fass.de"))
    await profiles.add(former)
    same, other = Email.parse(f"{local}@fa\u00df.de"), Email.parse(f"{local}@fass.de")
    newcomer = a_profile(email=other)

    assert set(await profiles.find_taken([same, other])) == {same.key}
    assert await added(profiles, a_profile(email=same), newcomer) == [EmailTaken, None]
    assert set(await profiles.find_taken([same, other])) == {same.key, other.key}
    owner = await profiles.find_by_email(other)
    assert owner
    assert owner.id == newcomer.id
