"""MongoDB through both drivers."""

import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from service.infrastructure.mongo.indexes import INDEXES, ensure_indexes
from service.pkg.database import Documents, close_mongo, default_database, open_mongo
from tools.servers.sandbox import Sandbox


def closed_port() -> int:
    """Return a port on this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest_asyncio.fixture(scope="session")
async def pymongo_client(sandbox: Sandbox) -> AsyncIterator[AsyncMongoClient[Documents]]:
    """A client of PyMongo's asyncio API, and the indexes."""
    client = open_mongo(sandbox.mongo_url, "pymongo")
    await ensure_indexes(default_database(client))
    yield client
    await close_mongo(client)


@pytest_asyncio.fixture(scope="session")
async def spare_database(sandbox: Sandbox, pymongo_client: AsyncMongoClient[Documents]) -> AsyncIterator[str]:
    """The name of a database for tests that want nothing of others' in it; see `emptied`."""
    name = f"{default_database(pymongo_client).name}-spare"
    await ensure_indexes(pymongo_client.get_database(name))
    yield name
    # Not by that client: its loop may have stood still for minutes, whereupon it gives up what it begins.
    async with AsyncMongoClient[Documents](sandbox.mongo_url) as client:
        await client.drop_database(name)


async def emptied(client: AsyncMongoClient[Documents], name: str) -> AsyncDatabase[Documents]:
    """Return the spare database with its indexes and nothing else: a new one takes MongoDB half a second."""
    database = client.get_database(name)
    for each in INDEXES:
        await database[each].delete_many({})
    return database


@pytest_asyncio.fixture(scope="session")
async def motor_client(sandbox: Sandbox) -> AsyncIterator[AsyncMongoClient[Documents]]:
    """A client of Motor, and the indexes."""
    client = open_mongo(sandbox.mongo_url, "motor")
    await ensure_indexes(default_database(client))
    yield client
    await close_mongo(client)


@pytest.fixture(params=["pymongo", "motor"])
def client(request: pytest.FixtureRequest) -> AsyncMongoClient[Documents]:
    """A client, through one driver after the other."""
    driver: AsyncMongoClient[Documents] = request.getfixturevalue(f"{request.param}_client")
    return driver
