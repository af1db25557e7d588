"""A write that rests on what was proved is refused once that does not hold any more, in the write itself."""

import asyncio
from datetime import timedelta
from typing import NamedTuple

import pytest
from pymongo import AsyncMongoClient

from service.domain.errors import AuthorizationChanged, StaleVersion
from service.domain.post import PostNotFound, PostPatch, PostRepository
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


class Stores(NamedTuple):
    profiles: ProfileRepository
    posts: PostRepository
    sessions: SessionRepository


@pytest.fixture(params=["fake", "pymongo", "motor"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Repositories; what other tests stored in them is in nobody's way."""
    if request.param == "fake":
        fakes = FakeProfiles()
        return Stores(fakes, FakePosts(profiles=fakes), FakeSessions(profiles=fakes))
    database = default_database(request.getfixturevalue(f"{request.param}_client"))
    return Stores(MongoProfiles(database), MongoPosts(database), MongoSessions(database))


@pytest.fixture
def profiles(stores: Stores) -> ProfileRepository:
    return stores.profiles


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


async def test_nothing_else_is_written_by_what_has_ended(stores: Stores) -> None:
    profiles, posts, sessions = stores
    ada = await stored(profiles)
    post, session = a_post(user_id=ada.id), a_session(ada.id, expires_at=NOON + timedelta(days=36_500))
    await posts.add(post)
    await sessions.add(session)
    await profiles.count_logout(ada.id)
    new = a_post(user_id=ada.id)

    with pytest.raises(AuthorizationChanged):
        await posts.add(new, authorized_by=ada)
    with pytest.raises(AuthorizationChanged):
        await posts.save(post.updated(PostPatch(title="Note H"), LATER), authorized_by=ada)
    with pytest.raises(AuthorizationChanged):
        await sessions.end(ada.id, "logout", LATER, authorized_by=ada)
    with pytest.raises(PostNotFound):
        await posts.get(new.id)
    assert await posts.get(post.id) == post
    assert await sessions.of_user(ada.id) == [session]


async def test_all_else_is_written_by_what_has_not_ended(stores: Stores) -> None:
    profiles, posts, sessions = stores
    ada = await stored(profiles)
    post, session = a_post(user_id=ada.id), a_session(ada.id, expires_at=NOON + timedelta(days=36_500))
    await sessions.add(session)
    await posts.add(post, authorized_by=ada)
    changed = post.updated(PostPatch(title="Note H"), LATER)
    await posts.save(changed, authorized_by=ada)

    with pytest.raises(StaleVersion):
        await posts.save(changed, authorized_by=ada)
    assert (await posts.get(post.id)).title == "Note H"
    assert await sessions.end(ada.id, "logout", LATER, authorized_by=ada) == [session.id]


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
