"""What a client that died has begun to write is soon free: MongoDB itself would keep it for a minute."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from service.domain.post import PostNotFound
from service.domain.profile import Profile, ProfilePatch, Role
from service.infrastructure.mongo.indexes import PROFILES
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.abandoned_transactions import IDLE_SECONDS, PATIENCE_SECONDS
from service.pkg.database import (
    OPERATION_SECONDS,
    Documents,
    close_mongo,
    default_database,
    in_transaction,
    open_mongo,
)
from tests.builders import NOON, a_post, a_profile, a_session
from tests.faults.abandoning import die_holding
from tools.servers.sandbox import Sandbox


@dataclass(frozen=True)
class Stores:
    """What writes to profiles, and beside them."""

    profiles: MongoProfiles
    posts: MongoPosts
    sessions: MongoSessions


@pytest.fixture
def stores(client: AsyncMongoClient[Documents]) -> Stores:
    database = default_database(client)
    return Stores(MongoProfiles(database), MongoPosts(database), MongoSessions(database))


Write = Callable[[Stores, Profile], Awaitable[object]]


async def change(stores: Stores, ada: Profile) -> None:
    await stores.profiles.save(ada.updated(ProfilePatch(last_name="King"), NOON))


async def change_another(stores: Stores, ada: Profile) -> None:
    bob = a_profile()
    await stores.profiles.add(bob)
    await stores.profiles.save(bob.updated(ProfilePatch(last_name="King"), NOON), authorized_by=ada)


async def write_posts(stores: Stores, ada: Profile) -> None:
    """Several at once, which wait for each other and not each for a minute."""
    posts = [a_post(user_id=ada.id) for _ in range(3)]
    await asyncio.gather(*(stores.posts.add(each, authorized_by=ada) for each in posts))


async def count_logout(stores: Stores, ada: Profile) -> None:
    await stores.profiles.count_logout(ada.id)


async def end_another(stores: Stores, ada: Profile) -> None:
    session = a_session()
    await stores.sessions.add(session)
    assert await stores.sessions.end(session.user_id, "logout", NOON, authorized_by=ada) == [session.id]


@pytest.mark.parametrize("write", [change, change_another, write_posts, count_logout, end_another])
async def test_a_client_that_died_keeps_nobody_from_writing(
    stores: Stores, sandbox: Sandbox, write: Write
) -> None:
    ada = a_profile(role=Role.ADMIN)
    await stores.profiles.add(ada)
    await asyncio.to_thread(die_holding, sandbox.mongo_url, ada.id)
    began = time.monotonic()
    await write(stores, ada)

    assert PATIENCE_SECONDS < time.monotonic() - began < OPERATION_SECONDS


async def test_other_applications_are_left_alone(stores: Stores, sandbox: Sandbox) -> None:
    ada = a_profile()
    await stores.profiles.add(ada)
    other: AsyncMongoClient[Documents] = AsyncMongoClient(
        sandbox.mongo_url, appname="another", uuidRepresentation="standard"
    )
    try:
        async with other.start_session() as session, await session.start_transaction():
            things = default_database(other)["things"]
            await things.insert_one({"of": ada.id}, session=session)
            await asyncio.to_thread(die_holding, sandbox.mongo_url, ada.id)
            await stores.profiles.count_logout(ada.id)  # once ours was ended
    finally:
        await close_mongo(other)
    found = await default_database(stores.profiles.client)["things"].find_one({"of": ada.id})

    assert found


async def test_a_client_that_lives_begins_again(stores: Stores, sandbox: Sandbox) -> None:
    ada = a_profile()
    await stores.profiles.add(ada)
    slow = open_mongo(sandbox.mongo_url)
    reached, go_on = asyncio.Event(), asyncio.Event()
    tries = 0

    async def work(transaction: AsyncClientSession) -> None:
        nonlocal tries
        tries += 1
        profiles = default_database(slow)[PROFILES]
        await profiles.update_one({"id": ada.id}, {"$inc": {"held": 1}}, session=transaction)
        reached.set()
        await go_on.wait()

    try:
        holding = asyncio.create_task(in_transaction(slow, work))
        await reached.wait()
        with structlog.testing.capture_logs() as entries:
            await stores.profiles.count_logout(ada.id)
        go_on.set()
        await holding
    finally:
        await close_mongo(slow)
    found = await default_database(stores.profiles.client)[PROFILES].find_one({"id": ada.id})

    assert tries == 2
    assert found
    assert (found["held"], found["logouts"]) == (1, 1)
    assert {each["event"] for each in entries} == {"ended abandoned transactions"}


async def test_what_is_quick_looks_for_nothing(stores: Stores, sandbox: Sandbox) -> None:
    ada, bob = a_profile(), a_profile()
    await stores.profiles.add(ada)
    await asyncio.to_thread(die_holding, sandbox.mongo_url, ada.id)
    with structlog.testing.capture_logs() as entries:
        await stores.profiles.add(bob)
        with pytest.raises(PostNotFound):
            await stores.posts.get(bob.id)
    assert entries == []
    await stores.profiles.count_logout(ada.id)

    assert (await stores.profiles.get(ada.id)).logouts == 1


def test_two_looks_fit_into_an_operation() -> None:
    assert IDLE_SECONDS + 2 * PATIENCE_SECONDS <= OPERATION_SECONDS
