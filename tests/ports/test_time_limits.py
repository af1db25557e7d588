"""How long the database may take is told to it, and counted here, too."""

from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.health import is_available
from service.infrastructure.mongo.posts import MongoPosts
from service.pkg.database import Documents, default_database, operation_deadline
from tests.builders import a_post


@pytest.mark.parametrize(("seconds", "most"), [(0.5, 500), (60.0, 4000)])
async def test_the_server_is_told_how_long_it_may_take(
    client: AsyncMongoClient[Documents], seconds: float, most: int
) -> None:
    database, post = default_database(client), a_post()
    posts = MongoPosts(database)
    await posts.add(post)
    await database.command("profile", 2)
    try:
        with operation_deadline(seconds):
            await posts.get(post.id)
    finally:
        await database.command("profile", 0)
    commands = [each["command"] async for each in database["system.profile"].find({"op": "query"})]
    [seen] = [each for each in commands if each["filter"].get("id") == {"$in": [post.id]}]

    assert most / 2 < seen["maxTimeMS"] <= most


async def test_when_the_time_is_over_nothing_more_is_asked(client: AsyncMongoClient[Documents]) -> None:
    with operation_deadline(-1.0), pytest.raises(DatabaseUnavailable):
        await MongoPosts(default_database(client)).get(uuid4())


async def test_whether_it_is_there_is_known_in_time(client: AsyncMongoClient[Documents]) -> None:
    assert await is_available(default_database(client), 5)
    assert not await is_available(default_database(client), 0)
