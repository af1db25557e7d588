"""A plain user of MongoDB ends what its own clients have left open, and who may not ask does no harm."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import structlog
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import OperationFailure

from service.infrastructure.mongo.indexes import PROFILES
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.abandoned_transactions import PATIENCE_SECONDS, ending_abandoned
from service.pkg.database import OPERATION_SECONDS, Documents, close_mongo, default_database, open_mongo
from tests.builders import a_profile
from tests.faults.abandoning import die_holding
from tests.faults.killed_mongodb import own_mongodb
from tests.integration.gateway import eventually


@pytest.fixture(scope="module")
def mongo_urls() -> Iterator[dict[str, str]]:
    """The address of a server with access control, by whoever logs in there: two users, and nobody."""
    with own_mongodb() as server:
        server.ask_for_passwords("root")
        as_users = {
            name: server.url.replace("//", f"//{name}:{name}@") + "&authSource=admin"
            for name in ("root", "service", "other")
        }
        with MongoClient[Documents](as_users["root"]) as client:
            for name in ("service", "other"):
                role = {"role": "readWrite", "db": "profiles"}
                client.admin.command("createUser", name, pwd=name, roles=[role])
        yield {**as_users, "nobody": server.url}


async def opened(url: str) -> AsyncMongoClient[Documents]:
    client = open_mongo(url)
    await client.aconnect()
    return client


async def test_a_user_who_may_read_and_write_ends_what_died(mongo_urls: dict[str, str]) -> None:
    client = await opened(mongo_urls["service"])
    try:
        profiles, ada = MongoProfiles(default_database(client)), a_profile()
        await profiles.add(ada)
        await asyncio.to_thread(die_holding, mongo_urls["service"], ada.id)
        began = time.monotonic()
        await profiles.count_logout(ada.id)
        assert PATIENCE_SECONDS < time.monotonic() - began < OPERATION_SECONDS
        assert (await profiles.get(ada.id)).logouts == 1
    finally:
        await close_mongo(client)


async def test_what_another_user_has_open_is_left_alone(mongo_urls: dict[str, str]) -> None:
    client, other = await opened(mongo_urls["service"]), await opened(mongo_urls["other"])
    try:
        profiles, ada, bob = MongoProfiles(default_database(client)), a_profile(), a_profile()
        for each in (ada, bob):
            await profiles.add(each)
        theirs = default_database(other)[PROFILES]
        async with other.start_session() as session, await session.start_transaction():
            await theirs.update_one({"id": bob.id}, {"$inc": {"held": 1}}, session=session)
            await asyncio.to_thread(die_holding, mongo_urls["service"], ada.id)
            await profiles.count_logout(ada.id)  # once ours was ended
        found = await theirs.find_one({"id": bob.id})
    finally:
        await close_mongo(client)
        await close_mongo(other)

    assert found
    assert found["held"] == 1


async def test_who_may_not_ask_hears_of_it_once_and_goes_on(mongo_urls: dict[str, str]) -> None:
    client = await opened(mongo_urls["nobody"])
    try:
        with structlog.testing.capture_logs() as entries, ending_abandoned(client):
            with pytest.raises(OperationFailure):
                await client.admin.command("listDatabases")

            async def was_told() -> bool:
                return bool(entries)

            await eventually(was_told)
            with pytest.raises(TimeoutError):  # looks again meanwhile
                async with asyncio.timeout(1.5 * PATIENCE_SECONDS):
                    await asyncio.Event().wait()
    finally:
        await close_mongo(client)

    assert [(each["event"], each["log_level"], each["code"]) for each in entries] == [
        ("cannot end abandoned transactions", "warning", 13)
    ]
