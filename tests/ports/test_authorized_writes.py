"""A write that rests on what was proved is refused once that does not hold any more, in the write itself."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from service.domain.errors import AuthorizationChanged, StaleVersion
from service.domain.idempotency import IdempotencyKey
from service.domain.post import PostNotFound, PostPatch, PostRepository, PostSelection
from service.domain.profile import (
    EmailTaken,
    Profile,
    ProfileNotFound,
    ProfilePatch,
    ProfileRepository,
    Role,
    Status,
)
from service.domain.session import SessionRepository
from service.infrastructure.mongo.indexes import PROFILES
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_post, a_profile, a_session
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions

LATER, LATEST = NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)
KING = ProfilePatch(last_name="King")


@pytest.fixture(params=["fake", "pymongo", "motor"])
def profiles(request: pytest.FixtureRequest) -> ProfileRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    if request.param == "fake":
        return FakeProfiles()
    return MongoProfiles(default_database(request.getfixturevalue(f"{request.param}_client")))


async def stored(profiles: ProfileRepository, **changes: object) -> Profile:
    """Return a profile that is in *profiles*."""
    profile = a_profile(**changes)
    await profiles.add(profile)
    return profile


async def test_a_change_from_before_a_logout_is_stale(profiles: ProfileRepository) -> None:
    ada = await stored(profiles)
    await profiles.count_logout(ada.id)

    with pytest.raises(StaleVersion):
        await profiles.save(ada.updated(KING, LATER))
    again = await profiles.get(ada.id)
    assert (again.version, again.logouts, again.last_name) == (1, 1, "Lovelace")
    await profiles.save(again.updated(KING, LATER))
    assert (await profiles.get(ada.id)).last_name == "King"


async def test_a_logout_of_nobody_is_not_an_error(profiles: ProfileRepository) -> None:
    nobody = a_profile()
    await profiles.count_logout(nobody.id)

    with pytest.raises(ProfileNotFound):
        await profiles.get(nobody.id)


@pytest.mark.parametrize("how", ["logout", "role", "status", "deleted"])
async def test_what_another_may_not_do_any_more_is_not_done(profiles: ProfileRepository, how: str) -> None:
    boss, ada = await stored(profiles, role=Role.ADMIN), await stored(profiles)
    if how == "logout":
        await profiles.count_logout(boss.id)
    elif how == "deleted":
        await profiles.save(boss.deleted(LATER))
    else:
        changes = {
            "role": ProfilePatch(role=Role.USER),
            "status": ProfilePatch(status=Status.SUSPENDED),
        }
        await profiles.save(boss.updated(changes[how], LATER))
    new = a_profile(role=Role.ADMIN)

    with pytest.raises(AuthorizationChanged):
        await profiles.save(ada.updated(KING, LATER), authorized_by=boss)
    with pytest.raises(AuthorizationChanged):
        await profiles.add(new, authorized_by=boss)
    assert await profiles.get(ada.id) == ada
    with pytest.raises(ProfileNotFound):
        await profiles.get(new.id)


async def test_what_another_may_do_still_is_done(profiles: ProfileRepository) -> None:
    boss, ada = await stored(profiles, role=Role.ADMIN), await stored(profiles)
    await profiles.save(boss.updated(KING, LATER))  # which takes no right away
    await profiles.save(ada.updated(KING, LATER), authorized_by=boss)
    await profiles.add(a_profile(role=Role.ADMIN), authorized_by=boss)

    assert (await profiles.get(ada.id)).last_name == "King"


async def test_many_changes_by_one_administrator_at_once_are_all_made(profiles: ProfileRepository) -> None:
    boss = await stored(profiles, role=Role.ADMIN)
    many = [await stored(profiles) for _ in range(30)]
    changed = [each.updated(KING, LATER) for each in many]
    await asyncio.gather(*(profiles.save(each, authorized_by=boss) for each in changed))

    assert {(await profiles.get(each.id)).last_name for each in many} == {"King"}


async def test_other_refusals_are_the_same_in_the_same_moment(profiles: ProfileRepository) -> None:
    boss, ada = await stored(profiles, role=Role.ADMIN), await stored(profiles)
    await profiles.save(ada.updated(KING, LATER))

    with pytest.raises(StaleVersion):
        await profiles.save(ada.updated(KING, LATEST), authorized_by=boss)
    with pytest.raises(EmailTaken):
        await profiles.add(a_profile(email=ada.email), authorized_by=boss)


@dataclass(frozen=True)
class Stores:
    """What is written by the right of a profile."""

    profiles: ProfileRepository
    posts: PostRepository
    sessions: SessionRepository


@pytest.fixture(params=["fake", "pymongo", "motor"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Repositories that know of each other."""
    if request.param == "fake":
        fake = FakeProfiles()
        return Stores(fake, FakePosts(profiles=fake), FakeSessions(profiles=fake))
    database = default_database(request.getfixturevalue(f"{request.param}_client"))
    return Stores(MongoProfiles(database), MongoPosts(database), MongoSessions(database))


async def test_posts_and_ends_of_sessions_rest_on_a_profile(stores: Stores) -> None:
    ada = await stored(stores.profiles)
    await stores.posts.add(post := a_post(user_id=ada.id))
    await stores.sessions.add(session := a_session())
    await stores.profiles.save(ada.updated(KING, LATER))  # which takes no right away
    new = a_post(user_id=ada.id)
    await stores.posts.add(new, authorized_by=ada)
    await stores.posts.save(changed := post.updated(PostPatch(title="Note H"), LATER), authorized_by=ada)

    assert await stores.posts.get(new.id) == new
    assert (await stores.posts.get(post.id)).title == "Note H"
    with pytest.raises(StaleVersion):
        await stores.posts.save(changed, authorized_by=ada)
    assert await stores.sessions.end(session.user_id, "logout", NOON, authorized_by=ada) == [session.id]
    assert await stores.sessions.find(session.id) is None
    assert await stores.sessions.end(session.user_id, "logout", NOON, authorized_by=ada) == []


async def test_without_the_right_no_post_is_written_and_no_session_ends(stores: Stores) -> None:
    ada = await stored(stores.profiles)
    await stores.posts.add(post := a_post(user_id=ada.id))
    await stores.sessions.add(session := a_session())
    await stores.profiles.count_logout(ada.id)
    new = a_post(user_id=ada.id)

    with pytest.raises(AuthorizationChanged):
        await stores.posts.add(new, authorized_by=ada)
    with pytest.raises(AuthorizationChanged):
        await stores.posts.save(post.updated(PostPatch(title="Note H"), LATER), authorized_by=ada)
    for whose in (session.user_id, uuid4()):  # who has none, too
        with pytest.raises(AuthorizationChanged):
            await stores.sessions.end(whose, "logout", NOON, authorized_by=ada)
    with pytest.raises(PostNotFound):
        await stores.posts.get(new.id)
    assert await stores.posts.get(post.id) == post
    assert await stores.sessions.find(session.id) == session


async def test_one_command_writes_one_post_by_the_same_right(stores: Stores) -> None:
    ada, key = await stored(stores.profiles), IdempotencyKey(uuid4().bytes, b"d" * 16)
    post, again = (a_post(user_id=ada.id, idempotency_key=key) for _ in range(2))
    done = await asyncio.gather(
        *(stores.posts.add(each, authorized_by=ada) for each in (post, again)), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in done) == ["AlreadyCreated", "NoneType"]
    assert await stores.posts.find_created_by(key)


async def test_a_logout_and_a_post_in_one_moment_have_an_order(stores: Stores) -> None:
    for _ in range(20):
        ada = await stored(stores.profiles)
        post = a_post(user_id=ada.id)
        outcome, _ = await asyncio.gather(
            stores.posts.add(post, authorized_by=ada),
            stores.profiles.count_logout(ada.id),
            return_exceptions=True,
        )

        found = await stores.posts.of_user(ada.id, PostSelection.ALL)
        assert (outcome is None) is bool(found)
        assert outcome is None or isinstance(outcome, AuthorizationChanged)
        assert (await stores.profiles.get(ada.id)).logouts == 1


async def test_a_logout_and_a_write_in_one_moment_have_an_order(profiles: ProfileRepository) -> None:
    for _ in range(20):
        boss, ada = await stored(profiles, role=Role.ADMIN), await stored(profiles)

        async def write(ada: Profile = ada, boss: Profile = boss) -> bool:
            try:
                await profiles.save(ada.updated(KING, LATER), authorized_by=boss)
            except AuthorizationChanged:
                return False
            return True

        written, _ = await asyncio.gather(write(), profiles.count_logout(boss.id))

        assert ((await profiles.get(ada.id)).last_name == "King") is written
        assert (await profiles.get(boss.id)).logouts == 1


async def test_a_profile_from_before_logouts_were_counted_is_changed(
    client: AsyncMongoClient[Documents],
) -> None:
    profiles = MongoProfiles(default_database(client))
    ada = await stored(profiles)
    document = await default_database(client)[PROFILES].find_one({"id": ada.id})
    assert document is not None
    assert "logouts" not in document
    await profiles.save(ada.updated(KING, LATER))
    await profiles.save((await profiles.get(ada.id)).updated(ProfilePatch(first_name="A"), LATEST))

    assert (await profiles.get(ada.id)).version == 3
