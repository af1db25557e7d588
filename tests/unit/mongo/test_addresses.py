"""Addresses of MongoDB reach the driver as they are written."""

from typing import Any, NoReturn

import pytest
from pymongo.errors import ConfigurationError, InvalidURI

from service.infrastructure.mongo.health import ping
from service.pkg.database import MongoDriver, close_mongo, default_database, open_mongo
from service.settings import Settings

# As Atlas gives them out.
ATLAS = "mongodb+srv://app:p%40ss@cluster0.abcde.example.net/people?retryWrites=true&w=majority"


async def test_servers_are_looked_for_by_their_service_record(
    nothing_is_set: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, str]] = []

    async def resolve(name: str, kind: str, **_: Any) -> NoReturn:
        asked.append((name, kind))
        message = "no such name"
        raise ConfigurationError(message)

    nothing_is_set.setattr("pymongo.asynchronous.srv_resolver._resolve", resolve)
    nothing_is_set.setenv("RABBITMQ_URL", "amqp://mq/")
    nothing_is_set.setenv("MONGO_URL", ATLAS)
    client = open_mongo(Settings().mongo_url)
    database = default_database(client)
    with pytest.raises(ConfigurationError):
        await ping(database)
    await close_mongo(client)

    assert database.name == "people"
    assert asked == [("_mongodb._tcp.cluster0.abcde.example.net", "SRV")]


@pytest.mark.parametrize("driver", ["pymongo", "motor"])
def test_a_password_that_is_not_encoded_is_not_quoted(driver: MongoDriver) -> None:
    with pytest.raises(InvalidURI, match="has to be percent-encoded") as error:
        open_mongo("mongodb://u:x/canary@db:27017/profiles", driver)

    assert "canary" not in f"{error.value}"
