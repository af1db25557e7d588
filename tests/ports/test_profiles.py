import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from service.domain.attributes import are_same
from service.domain.email import Email
from service.domain.errors import StaleVersion
from service.domain.profile import (
    EmailTaken,
    Profile,
    ProfileNotFound,
    ProfilePatch,
    ProfileRepository,
    Role,
    Status,
)
from service.domain.totp import Totp
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_profile, an_address
from tests.fakes.profiles import FakeProfiles

LATER, LATEST = NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)
KING = ProfilePatch(last_name="King")


@pytest.fixture
def fake_profiles() -> ProfileRepository:
    return FakeProfiles()


@pytest.fixture
def pymongo_profiles(pymongo_client: AsyncMongoClient[Documents]) -> ProfileRepository:
    return MongoProfiles(default_database(pymongo_client))


@pytest.fixture
def motor_profiles(motor_client: AsyncMongoClient[Documents]) -> ProfileRepository:
    return MongoProfiles(default_database(motor_client))


@pytest.fixture(params=["fake", "pymongo", "motor"])
def profiles(request: pytest.FixtureRequest) -> ProfileRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    chosen: ProfileRepository = request.getfixturevalue(f"{request.param}_profiles")
    return chosen


async def stored(profiles: ProfileRepository, **changes: object) -> Profile:
    """Return a profile that is in *profiles*."""
    profile = a_profile(**changes)
    await profiles.add(profile)
    return profile


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"role": Role.ADMIN, "status": Status.SUSPENDED, "version": 2**53 - 1},
        {"attributes": {"a": "\u00e9", "b": 2**53 - 1, "c": 1.0, "d": False}, "last_name": ""},
        {"first_name": "\U0001f469\u200d\U0001f4bb", "last_name": "$where.\u00e9\u0308 {}"},
        {
            "created_at": datetime(1970, 1, 1, 0, 0, 0, 1000, UTC),
            "updated_at": datetime(9999, 1, 1, tzinfo=UTC),
        },
        {"created_at": NOON + timedelta(milliseconds=999), "updated_at": NOON + timedelta(milliseconds=7)},
    ],
    ids=["usual", "administrator", "attributes", "unusual names", "distant times", "milliseconds"],
)
async def test_what_is_stored_comes_back_exactly(
    profiles: ProfileRepository, changes: dict[str, object]
) -> None:
    ada = await stored(profiles, **changes)
    found = await profiles.get(ada.id)

    assert found == ada
    assert are_same(found.attributes, ada.attributes)
    assert type(found.id) is UUID
    assert found.created_at.utcoffset() == timedelta(0)


async def test_a_changed_profile_comes_back_exactly(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    changes = ProfilePatch(
        first_name="Augusta",
        email=Email.parse(an_address()),
        role=Role.ADMIN,
        status=Status.SUSPENDED,
    )
    await profiles.save(changed := ada.updated(changes, LATER))

    assert await profiles.get(ada.id) == changed


async def test_who_was_never_stored_is_not_found(profiles: ProfileRepository) -> None:
    with pytest.raises(ProfileNotFound):
        await profiles.get(uuid4())
    assert await profiles.find_by_email(Email.parse(an_address())) is None


async def test_a_name_in_the_database_is_new_each_time(profiles: ProfileRepository) -> None:
    names = {profiles.next_oid() for _ in range(100)}

    assert len(names) == 100
    assert all(ObjectId.is_valid(name) and name == name.lower() for name in names)


async def test_an_address_is_found_in_whatever_spelling(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, email=Email.parse(f"{local}.\u00c5@Example.org"))

    for spelling in (f"{local}.\u00e5@example.ORG", f"{local.upper()}.A\u030a@example.org"):
        assert await profiles.find_by_email(Email.parse(spelling)) == ada
    assert await profiles.find_by_email(Email.parse(f"{local}@example.org")) is None


async def test_a_suspended_user_is_found(profiles: ProfileRepository) -> None:
    ada = await stored(profiles, status=Status.SUSPENDED)

    assert await profiles.get(ada.id) == await profiles.find_by_email(ada.email) == ada


async def test_two_profiles_do_not_share_an_address(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    rival = a_profile(email=Email.parse(ada.email.typed.upper()))

    with pytest.raises(EmailTaken):
        await profiles.add(rival)
    with pytest.raises(ProfileNotFound):
        await profiles.get(rival.id)
    assert await profiles.find_by_email(ada.email) == ada


async def test_a_change_does_not_take_the_address_of_another(profiles: ProfileRepository) -> None:
    ada, bob = await stored(profiles), await stored(profiles)
    greedy = ProfilePatch(email=Email.parse(ada.email.typed.upper()))

    with pytest.raises(EmailTaken):
        await profiles.save(bob.updated(greedy, LATER))
    assert await profiles.get(bob.id) == bob
    assert await profiles.find_by_email(ada.email) == ada


async def test_a_suspended_user_keeps_the_address(profiles: ProfileRepository) -> None:
    ada = await stored(profiles, status=Status.SUSPENDED)

    with pytest.raises(EmailTaken):
        await profiles.add(a_profile(email=ada.email))


async def test_an_address_that_was_given_up_is_free(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.save(ada.updated(ProfilePatch(email=Email.parse(an_address())), LATER))
    heir = await stored(profiles, email=ada.email)

    assert await profiles.find_by_email(ada.email) == heir


async def test_the_own_address_may_be_spelled_anew(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    spelling = Email.parse(ada.email.typed.upper())
    await profiles.save(ada.updated(ProfilePatch(email=spelling), LATER))

    assert (await profiles.get(ada.id)).email.typed == ada.email.typed.upper()


async def test_a_deleted_profile_is_gone_and_its_address_free(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.save(ada.deleted(LATER))

    with pytest.raises(ProfileNotFound):
        await profiles.get(ada.id)
    assert await profiles.find_by_email(ada.email) is None

    heir = await stored(profiles, email=ada.email)

    assert await profiles.find_by_email(ada.email) == heir


async def test_who_had_an_address_when_deleted_is_found_by_it_until_restored_or_erased(
    profiles: ProfileRepository,
) -> None:
    ada = await stored(profiles)
    await profiles.save(deleted := ada.deleted(NOON))
    again = await stored(profiles, email=ada.email)
    assert await profiles.find_deleted_by_email(Email.parse(ada.email.typed.upper())) == deleted
    await profiles.save(last := again.deleted(LATER))

    assert await profiles.find_deleted_by_email(ada.email) == last
    await profiles.save(restored := last.restored(LATER))
    assert await profiles.find_by_email(ada.email) == restored
    assert await profiles.find_deleted_by_email(ada.email) == deleted
    await profiles.save(deleted.erased(LATER))
    assert await profiles.find_deleted_by_email(ada.email) is None


async def test_an_address_can_be_given_up_many_times(profiles: ProfileRepository) -> None:
    email = Email.parse(an_address())
    for _ in range(3):
        ada = await stored(profiles, email=email)
        await profiles.save(ada.deleted(LATER))

    assert await profiles.find_by_email(email) is None


async def test_the_second_of_two_writers_loses(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    first, second = await profiles.get(ada.id), await profiles.get(ada.id)
    await profiles.save(first.updated(KING, LATER))

    with pytest.raises(StaleVersion):
        await profiles.save(second.updated(ProfilePatch(first_name="Augusta"), LATER))
    assert await profiles.get(ada.id) == first.updated(KING, LATER)


@pytest.mark.parametrize("version", [1, 3, 4])
async def test_a_version_that_does_not_follow_is_stale(profiles: ProfileRepository, version: int) -> None:
    ada = await stored(profiles)

    with pytest.raises(StaleVersion):
        await profiles.save(a_profile(id=ada.id, oid=ada.oid, version=version))
    assert await profiles.get(ada.id) == ada


async def test_a_profile_that_was_never_stored_is_stale(profiles: ProfileRepository) -> None:
    ada = a_profile()

    with pytest.raises(StaleVersion):
        await profiles.save(ada.updated(KING, LATER))
    with pytest.raises(ProfileNotFound):
        await profiles.get(ada.id)


async def test_a_change_of_what_was_deleted_meanwhile_is_stale(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.save(ada.deleted(LATER))

    with pytest.raises(StaleVersion):
        await profiles.save(ada.updated(KING, LATER))
    with pytest.raises(ProfileNotFound):
        await profiles.get(ada.id)


async def test_of_many_who_want_one_address_one_gets_it(profiles: ProfileRepository) -> None:
    local = f"ada{uuid4().hex}"
    spellings = [f"{local.upper()}@example.org", f"{local}@EXAMPLE.org", f"{local.title()}@Example.Org"] * 7
    rivals = [a_profile(email=Email.parse(spelling)) for spelling in spellings]
    outcomes = await asyncio.gather(*map(profiles.add, rivals), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert {type(each) for each in outcomes} == {type(None), EmailTaken}
    assert await profiles.find_by_email(Email.parse(spellings[0])) == rivals[outcomes.index(None)]


async def test_of_many_who_change_a_version_one_does(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    versions = [ada.updated(ProfilePatch(first_name=f"Ada {each}"), LATER) for each in range(20)]
    outcomes = await asyncio.gather(*map(profiles.save, versions), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert {type(each) for each in outcomes} == {type(None), StaleVersion}
    assert await profiles.get(ada.id) == versions[outcomes.index(None)]


async def test_a_profile_is_added_once(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)

    with pytest.raises(EmailTaken):
        await profiles.add(ada)
    assert await profiles.get(ada.id) == ada


async def test_another_hash_of_the_same_password_is_no_new_version(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.replace_hash(ada, "another hash")

    assert await profiles.get(ada.id) == replace(ada, hashed_password="another hash")


async def test_a_new_password_is_not_overwritten_by_a_hash_of_the_old_one(
    profiles: ProfileRepository,
) -> None:
    ada = await stored(profiles)
    await profiles.save(
        changed := ada.with_password(LATER, hashed="the hash of a new password", session_id=uuid4())
    )
    await profiles.replace_hash(ada, "another hash of the old password")

    assert await profiles.get(ada.id) == changed


async def test_a_code_of_a_second_factor_is_used_once_and_no_change_brings_it_back(
    profiles: ProfileRepository,
) -> None:
    totp = Totp(b"sealed", 7, (b"first", b"second"))
    ada = await stored(profiles, totp=totp)
    assert (await profiles.get(ada.id)).totp == totp
    used = await asyncio.gather(*(profiles.use_totp_step(ada, 8) for _ in range(3)))
    recovered = await asyncio.gather(*(profiles.use_recovery_code(ada, b"first") for _ in range(3)))
    await profiles.replace_totp_secret(ada, b"anew")
    now = await profiles.get(ada.id)

    assert (sorted(used), sorted(recovered)) == ([False, False, True], [False, False, True])
    assert not await profiles.use_totp_step(now, 7)
    assert not await profiles.use_totp_step(ada, 9)  # of another secret
    assert not await profiles.use_recovery_code(now, b"third")
    assert (now.totp, now.otp_uses, now.version) == (Totp(b"anew", 8, (b"second",)), 2, 1)
    with pytest.raises(StaleVersion):
        await profiles.save(ada.updated(ProfilePatch(last_name="King"), LATER))
    await profiles.save(changed := now.without_totp(LATER))
    assert await profiles.get(ada.id) == changed
    assert not await profiles.use_totp_step(now, 10)
    await profiles.save(again := changed.with_totp(LATER, totp=totp))
    assert await profiles.get(ada.id) == again


async def test_an_administrator_leaves_only_if_another_stays(profiles: ProfileRepository) -> None:
    boss, other = await stored(profiles, role=Role.ADMIN), await stored(profiles, role=Role.ADMIN)
    await profiles.save(leaving := boss.deleted(LATER), require_other_admin=True)

    assert leaving.version == 2
    assert await profiles.get(other.id) == other


LIVES: dict[str, Callable[[Profile], list[Profile]]] = {
    "active": lambda _: [],
    "deleted": lambda ada: [ada.deleted(LATER)],
    "restored": lambda ada: [(gone := ada.deleted(LATER)), gone.restored(LATEST)],
    "erased": lambda ada: [ada.erased(LATER)],
    "deleted and erased": lambda ada: [(gone := ada.deleted(LATER)), gone.erased(LATEST)],
}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES.keys())
async def test_who_asks_for_the_deleted_too_gets_a_profile_exactly_as_it_was_stored(
    profiles: ProfileRepository, life: Callable[[Profile], list[Profile]]
) -> None:
    ada = await stored(profiles, email=Email.parse(f"{uuid4().hex}.\u00c5@B\u00fccher.Example"))
    versions = [ada, *life(ada)]
    for each in versions[1:]:
        await profiles.save(each)

    assert await profiles.get_including_deleted(ada.id) == versions[-1]
    with pytest.raises(ProfileNotFound):
        await profiles.get_including_deleted(uuid4())


async def test_a_restored_profile_is_there_again_with_its_address(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.save(ada.deleted(LATER))
    await profiles.save(restored := (await profiles.get_including_deleted(ada.id)).restored(LATEST))

    assert await profiles.get(ada.id) == await profiles.find_by_email(ada.email) == restored
    with pytest.raises(EmailTaken):
        await profiles.add(a_profile(email=ada.email))


async def test_a_profile_whose_address_was_taken_meanwhile_is_not_restored(
    profiles: ProfileRepository,
) -> None:
    ada = await stored(profiles)
    await profiles.save(deleted := ada.deleted(LATER))
    heir = await stored(profiles, email=Email.parse(ada.email.typed.upper()))

    with pytest.raises(EmailTaken):
        await profiles.save(deleted.restored(LATEST))
    assert await profiles.get_including_deleted(ada.id) == deleted
    assert await profiles.find_by_email(ada.email) == heir


async def test_an_erased_profile_is_gone_and_its_address_free(profiles: ProfileRepository) -> None:
    ada, bob = await stored(profiles), await stored(profiles)
    for each in (ada, bob):  # two who have no address any more are in nobody's way
        await profiles.save(each.erased(LATER))
    heir = await stored(profiles, email=ada.email)

    with pytest.raises(ProfileNotFound):
        await profiles.get(ada.id)
    assert await profiles.find_by_email(ada.email) == heir
    assert await profiles.find_by_email(Email("", "")) is None


async def test_of_those_who_restore_and_erase_at_once_one_does(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.save(deleted := ada.deleted(LATER))
    rivals = [deleted.restored(LATEST), deleted.erased(LATEST)] * 5
    outcomes = await asyncio.gather(*map(profiles.save, rivals), return_exceptions=True)

    assert [type(each) for each in outcomes if each] == [StaleVersion] * 9
    assert await profiles.get_including_deleted(ada.id) == rivals[outcomes.index(None)]


async def test_the_longest_deleted_come_first_and_no_more_than_asked_for(profiles: ProfileRepository) -> None:
    # Long before any other test deletes anything.
    long_ago = [datetime(1990, 1, day, tzinfo=UTC) for day in (3, 1, 2, 4)]
    last, first, middle, too_late = [(await stored(profiles)).deleted(day) for day in long_ago]
    restored, erased, other = [(await stored(profiles)).deleted(long_ago[1]) for _ in range(3)]
    for each in (last, first, middle, too_late, restored, erased):
        await profiles.save(each)
    for each in (restored.restored(LATER), erased.erased(LATER)):
        await profiles.save(each)

    for limit, expected in ((9, [first, middle, last]), (2, [first, middle])):
        assert list(await profiles.deleted_before(last.updated_at, limit)) == expected
    assert list(await profiles.deleted_before(last.updated_at, 1, skip=1)) == [middle]
    assert other.id not in {each.id for each in await profiles.deleted_before(LATEST, 1000)}
    await profiles.save(last.erased(LATER))
    assert list(await profiles.deleted_before(last.updated_at, 9)) == [first, middle]

    for each in (first, middle, too_late):  # so that the next repository finds none of them
        await profiles.save(each.erased(LATER))
    assert list(await profiles.deleted_before(too_late.updated_at, 9)) == []
