"""MongoDB through both drivers."""

import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from service.infrastructure.mongo.indexes import ensure_indexes
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
