"""A transaction that fails keeps nothing from others: a server would hold what it wrote to for a minute."""

import asyncio
import time
from uuid import uuid4

import pymongo
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from service.pkg.database import Documents, close_mongo, default_database, in_transaction, open_mongo
from tools.servers.sandbox import Sandbox

# Long enough to begin, and long enough for the next write to be done.
SHORT, SOON = 0.5, 5.0


async def run_out_of_time(until: float) -> None:
    """Go on until the time is over, as in front of a slow server."""
    while time.monotonic() < until:  # noqa: ASYNC110 - time has no event
        await asyncio.sleep(0)


@pytest.mark.parametrize("ends", ["in the middle", "before the commit"])
async def test_whatever_runs_out_of_time_others_can_write(
    client: AsyncMongoClient[Documents], sandbox: Sandbox, ends: str
) -> None:
    things, key = default_database(client)["things"], uuid4().hex
    await things.insert_one({"_id": key, "times": 0})
    change = {"$inc": {"times": 1}}
    until = time.monotonic() + SHORT

    async def work(session: AsyncClientSession) -> None:
        await things.update_one({"_id": key}, change, session=session)
        await run_out_of_time(until)
        if ends == "in the middle":
            await things.find_one({"_id": key}, session=session)

    with pytest.raises(PyMongoError), pymongo.timeout(SHORT):
        await in_transaction(client, work)

    # By another client: the next write of the same one may happen to end what its session has begun.
    other = open_mongo(sandbox.mongo_url)
    try:
        with pymongo.timeout(SOON):
            await default_database(other)["things"].update_one({"_id": key}, change)
            found = await things.find_one({"_id": key})
    finally:
        await close_mongo(other)
    assert found
    assert found["times"] == 1
