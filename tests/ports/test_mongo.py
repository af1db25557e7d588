import asyncio
from collections.abc import AsyncIterator
from typing import Any, get_args
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError, OperationFailure

from service.domain.email import Email
from service.domain.profile import LastAdmin, ProfileFilter, ProfileRepository, Role, Status
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.indexes import INDEXES, PROFILES, IndexMissing, ensure_indexes
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import Documents, MongoDriver, close_mongo, default_database, open_mongo
from tests.builders import NOON, a_profile
from tests.ports.conftest import closed_port
from tools.servers.sandbox import Sandbox


@pytest_asyncio.fixture
async def fresh(client: AsyncMongoClient[Documents]) -> AsyncIterator[Any]:
    """A database without anything in it."""
    database = client.get_database(f"{default_database(client).name}-{uuid4().hex[:8]}")
    yield database
    await client.drop_database(database.name)


@pytest_asyncio.fixture(params=get_args(MongoDriver))
async def unreachable(request: pytest.FixtureRequest) -> AsyncIterator[ProfileRepository]:
    """Profiles in a database that is not there."""
    url = f"mongodb://127.0.0.1:{closed_port()}/profiles"
    client = open_mongo(url, request.param)
    yield MongoProfiles(default_database(client))
    await close_mongo(client)


async def names(database: Any) -> set[str]:
    """Return the names of the indexes on profiles."""
    return set(await database[PROFILES].index_information())


async def test_indexes_are_made(fresh: Any) -> None:
    await ensure_indexes(fresh)

    assert await names(fresh) == {"_id_", *INDEXES[PROFILES]}


async def test_making_them_again_changes_nothing(fresh: Any) -> None:
    await ensure_indexes(fresh)
    before = await fresh[PROFILES].index_information()
    await ensure_indexes(fresh)

    assert await fresh[PROFILES].index_information() == before


async def test_further_indexes_are_left_alone(fresh: Any) -> None:
    await fresh[PROFILES].create_index([("last_name", 1)], name="of_an_operator")
    await ensure_indexes(fresh)

    assert "of_an_operator" in await names(fresh)


@pytest.mark.parametrize(
    ("name", "keys", "options"),
    [
        ("id", [("id", 1)], {}),
        ("id", [("id", -1)], {"unique": True}),
        ("id", [("id", 1), ("version", 1)], {"unique": True}),
        ("id", [("id", 1)], {"unique": True, "partialFilterExpression": {"status": "active"}}),
        ("id", [("id", 1)], {"unique": True, "sparse": True}),
        ("email_key", [("email_key", 1)], {"unique": True}),
        ("email_key", [("email", 1)], {"unique": True}),
        (
            "email_key",
            [("email_key", 1)],
            {"partialFilterExpression": {"email_key": {"$exists": True}}},
        ),
    ],
)
async def test_an_index_that_differs_is_named(
    fresh: Any, name: str, keys: list[tuple[str, int]], options: dict[str, Any]
) -> None:
    await fresh[PROFILES].create_index(keys, name=name, **options)

    with pytest.raises(IndexMissing, match=f"The index {name} of profiles has to be"):
        await ensure_indexes(fresh)


async def test_an_index_of_another_name_on_the_same_field_is_reported(fresh: Any) -> None:
    await fresh[PROFILES].create_index([("id", 1)], name="somebody_elses", unique=True)

    with pytest.raises(OperationFailure):
        await ensure_indexes(fresh)


async def test_documents_that_are_not_unique_are_reported(fresh: Any) -> None:
    await fresh[PROFILES].insert_many([{"id": 1, "email_key": "a"}, {"id": 2, "email_key": "a"}])

    with pytest.raises(DuplicateKeyError):
        await ensure_indexes(fresh)


async def test_ids_are_unique_even_of_the_deleted(fresh: Any) -> None:
    await ensure_indexes(fresh)
    profiles, ada = MongoProfiles(fresh), a_profile()
    await profiles.add(ada)
    await profiles.save(ada.deleted(NOON))

    with pytest.raises(DuplicateKeyError):
        await fresh[PROFILES].insert_one({"id": ada.id, "email_key": "another"})


@pytest.mark.parametrize("many", [1, 2, 5])
async def test_of_administrators_who_all_leave_at_once_one_has_to_stay(fresh: Any, many: int) -> None:
    await ensure_indexes(fresh)
    profiles, admins = MongoProfiles(fresh), [a_profile(role=Role.ADMIN) for _ in range(many)]
    for each in (*admins, a_profile(), a_profile(role=Role.ADMIN, status=Status.SUSPENDED)):
        await profiles.add(each)
    leaving = (profiles.save(each.deleted(NOON), require_other_admin=True) for each in admins)
    outcomes = await asyncio.gather(*leaving, return_exceptions=True)

    assert [type(each) for each in outcomes if each] == [LastAdmin]
    assert await fresh[PROFILES].count_documents({"role": "admin", "status": "active"}) == 1


async def test_a_document_is_readable_for_operators(fresh: Any) -> None:
    ada = a_profile(email=Email.parse("Ada@Example.org"))
    await MongoProfiles(fresh).add(ada)
    document = await fresh[PROFILES].find_one({})

    assert {key: document[key] for key in ("id", "email", "email_key", "status", "role", "version")} == {
        "id": ada.id,
        "email": "Ada@Example.org",
        "email_key": "ada@example.org",
        "status": "active",
        "role": "user",
        "version": 1,
    }
    assert str(document["_id"]) == ada.oid


async def test_a_database_that_is_not_there_is_unavailable(unreachable: ProfileRepository) -> None:
    ada = a_profile()
    outcomes = await asyncio.gather(
        unreachable.add(ada),
        unreachable.get(ada.id),
        unreachable.find_by_email(ada.email),
        unreachable.save(ada),
        unreachable.list(ProfileFilter(), None, 1),
        unreachable.list(ProfileFilter(email_prefix="a"), None, 1),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes] == [DatabaseUnavailable] * 6


async def test_the_database_is_the_one_in_the_url_or_profiles(sandbox: Sandbox) -> None:
    for url, expected in (
        (sandbox.mongo_url, None),
        ("mongodb://127.0.0.1/", "profiles"),
        ("mongodb://h/x", "x"),
    ):
        client = open_mongo(url)
        name = default_database(client).name
        await close_mongo(client)

        assert name == (expected or sandbox.mongo_url.rpartition("/")[2].partition("?")[0])
