"""Profiles that were stored before today's rules, in a dump of that form: found, unique, erased, exported."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from service.app.commands.erase_expired import EraseExpiredHandler
from service.app.commands.erase_post import ErasePostHandler
from service.app.commands.restore_profile import RestoreProfile
from service.app.queries.export_profile import ExportProfile, ExportProfileHandler
from service.domain.email import Email, EmailMalformed
from service.domain.profile import EmailTaken, Profile, ProfilePatch, ProfileRepository, Status
from service.infrastructure.mongo.indexes import PROFILES
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.operating import OPERATOR, eraser, restorer
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(milliseconds=1)
# What this rule takes no more: by local part, by domain, by name.
REFUSED = [
    ("{}\ufe0f@example.org", "{}\ufe0f@example.org"),
    ("{}@i\u2764.ws", "{}@xn--i-7iq.ws"),
    ("{}@xn--a.org", "{}@xn--a.org"),
]


@pytest.fixture(params=["fake", "pymongo", "motor"])
def profiles(request: pytest.FixtureRequest) -> ProfileRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    if request.param == "fake":
        return FakeProfiles()
    return MongoProfiles(default_database(request.getfixturevalue(f"{request.param}_client")))


async def stored(profiles: ProfileRepository, typed: str, former_key: str) -> Profile:
    """Return a profile with an address under the key that it had by the rule before."""
    profile = a_profile(email=Email(typed, former_key))
    await profiles.add(profile)
    return profile


async def test_who_signed_up_before_is_found_by_the_same_address(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@Fa\u00df.de", f"{local}@fass.de")

    for spelling in (f"{local}@Fa\u00df.de", f"{local.upper()}@fa\u00df.DE"):
        assert await profiles.find_by_email(Email.recognised(spelling)) == ada


@pytest.mark.parametrize(("typed", "key"), REFUSED)
async def test_who_has_an_address_that_is_refused_today_is_found(
    profiles: ProfileRepository, typed: str, key: str
) -> None:
    local = uuid4().hex
    ada = await stored(profiles, typed.format(local), key.format(local))

    with pytest.raises(EmailMalformed):
        Email.parse(ada.email.typed)
    assert await profiles.find_by_email(Email.recognised(ada.email.typed)) == ada


async def test_the_mailbox_of_an_old_profile_is_taken(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")

    for spelling in (f"{local}@fa\u00df.de", f"{local}@xn--fa-hia.de"):
        with pytest.raises(EmailTaken):
            await profiles.add(a_profile(email=Email.parse(spelling)))
    assert await profiles.find_by_email(ada.email) == ada


async def test_the_other_mailbox_that_had_its_key_is_free(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    bea = a_profile(email=Email.parse(f"{local}@fass.de"))
    # Until its owner comes, whoever always wrote it so for the other one is let in.
    assert await profiles.find_by_email(bea.email) == ada
    await profiles.add(bea)

    found = await profiles.find_by_email(Email.parse(ada.email.typed))
    assert found is not None
    assert (found.id, found.email.key) == (ada.id, f"{local}@xn--fa-hia.de")
    assert await profiles.find_by_email(bea.email) == bea


async def test_the_other_mailbox_can_be_moved_to(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    bea = a_profile()
    await profiles.add(bea)
    await profiles.save(bea.updated(ProfilePatch(email=Email.parse(f"{local}@fass.de")), LATER))

    for profile, typed in ((ada, ada.email.typed), (bea, f"{local}@fass.de")):
        found = await profiles.find_by_email(Email.parse(typed))
        assert found is not None
        assert found.id == profile.id


async def test_what_its_user_has_verified_stays_so_when_its_key_is_given_to_the_other_mailbox(
    profiles: ProfileRepository,
) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    verified = ada.with_verified_email(LATER)
    await profiles.save(verified)
    before = await profiles.find_by_email(ada.email)
    await profiles.add(a_profile(email=Email.parse(f"{local}@fass.de")))
    after = await profiles.find_by_email(Email.parse(ada.email.typed))

    assert before is not None
    assert after is not None
    assert (before.email.key, before.email_verified) == (ada.email.key, True)
    assert (after.email.key, after.email_verified) == (ada.email.current_key, True)
    # The same mailbox, written again; and the other one, which had the same key.
    assert before.updated(ProfilePatch(email=Email.parse(ada.email.typed)), LATER).email_verified
    assert not before.updated(ProfilePatch(email=Email.parse(f"{local}@fass.de")), LATER).email_verified


async def test_the_plain_address_is_not_that_of_the_other_mailbox(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    await stored(profiles, f"{local}@fass.de", f"{local}@fass.de")

    assert await profiles.find_by_email(Email.parse(f"{local}@fa\u00df.de")) is None
    await profiles.add(a_profile(email=Email.parse(f"{local}@fa\u00df.de")))


async def test_two_old_profiles_of_one_mailbox_keep_their_spellings(
    client: AsyncMongoClient[Documents],
) -> None:
    profiles, local = MongoProfiles(default_database(client)), uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    bea = a_profile(email=Email.parse(f"{local}@xn--fa-hia.de"))
    # Today's rule would not have let her in, so that she has to be put there.
    await default_database(client)[PROFILES].insert_one(a_document(bea))

    for profile in (ada, bea):
        found = await profiles.find_by_email(Email.parse(profile.email.typed))
        assert found is not None
        assert found.id == profile.id
        await profiles.save(found.updated(ProfilePatch(first_name="Augusta"), LATER))


async def test_an_old_profile_can_be_changed_otherwise(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    ada = await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    await profiles.save(ada.updated(ProfilePatch(first_name="Augusta"), LATER))

    found = await profiles.find_by_email(Email.parse(ada.email.typed))
    assert found is not None
    assert found.first_name == "Augusta"


async def test_of_many_who_want_the_other_mailbox_one_gets_it(profiles: ProfileRepository) -> None:
    local = uuid4().hex
    await stored(profiles, f"{local}@fa\u00df.de", f"{local}@fass.de")
    rivals = [a_profile(email=Email.parse(f"{local}@fass.de")) for _ in range(10)]
    outcomes = await asyncio.gather(*map(profiles.add, rivals), return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["EmailTaken"] * 9 + ["NoneType"]


def a_document(profile: Profile, **changes: Any) -> dict[str, Any]:
    """Return *profile* in the form that documents had on 25 November 2026, with *changes*."""
    return {
        "_id": ObjectId(profile.oid),
        "id": profile.id,
        "first_name": "\u200b",
        "last_name": "\u202eadmin",
        "email": profile.email.typed,
        "email_key": profile.email.key,
        "hashed_password": profile.hashed_password,
        "role": "user",
        "status": "active",
        "created_at": NOON,
        "updated_at": NOON,
        "deleted_at": None,
        "previous_status": None,
        "version": 1,
        "sessions_version": 1,
        "outbox": [],
        "handled": [],
        **changes,
    }


def a_deleted_document(typed: str) -> dict[str, Any]:
    """Return what was left of a deleted profile: its address, without a key."""
    document = a_document(a_profile(email=Email(typed, "")), status="deleted", deleted_at=NOON, version=2)
    del document["email_key"]
    return {**document, "previous_status": "active"}


DELETED = ["{}\ufe0f@example.org", "{}@i\u2764.ws", "{}@fa\u00df.de", "no address {}"]


@pytest.mark.parametrize("typed", DELETED)
async def test_what_was_deleted_under_other_rules_is_exported_and_erased(
    client: AsyncMongoClient[Documents], typed: str
) -> None:
    """One such profile stopped retention for good, as no list that held it could be read."""
    database = default_database(client)
    due = [a_deleted_document(each.format(uuid4().hex)) for each in (typed, "{}@example.org")]
    await database[PROFILES].insert_many(due)
    profiles, sessions, clock = MongoProfiles(database), MongoSessions(database), FakeClock(LATER)
    export = ExportProfileHandler(profiles, sessions, MongoPosts(database))
    ids: list[UUID] = [each["id"] for each in due]
    exported = [(await export.handle(ExportProfile(each)))["profile"]["email"] for each in ids]
    erase = eraser(profiles, sessions, clock)
    await EraseExpiredHandler(erase, ErasePostHandler(FakePosts(), clock), clock, timedelta(0)).handle()

    assert exported == [each["email"] for each in due]
    assert [(await profiles.get_including_deleted(each)).status for each in ids] == [Status.ERASED] * 2


async def test_what_was_deleted_under_other_rules_can_be_restored(
    client: AsyncMongoClient[Documents],
) -> None:
    profiles = MongoProfiles(default_database(client))
    document = a_deleted_document(f"{uuid4().hex}@i\u2764.ws")
    await default_database(client)[PROFILES].insert_one(document)
    restored = await restorer(profiles, FakeClock(LATER)).handle(
        RestoreProfile(context=OPERATOR, profile_id=document["id"])
    )

    assert (restored.first_name, restored.last_name) == ("\u200b", "\u202eadmin")
    assert await profiles.find_by_email(Email.recognised(document["email"])) == restored
