"""MongoDB is killed again and again under readers whose time ends, and whose channels break, at any moment.

PyMongo 4.20 on Python 3.11 locked up for good where such an end came inside its server selection.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pymongo.common import MIN_HEARTBEAT_INTERVAL

from service.domain.errors import ServiceError
from service.infrastructure.inputports.amqp.deadlines import Limit, OutOfTime, limited
from service.infrastructure.mongo.indexes import ensure_indexes
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import MongoDriver, close_mongo, default_database, open_mongo
from tests.at_length import at_length
from tests.builders import a_profile
from tests.faults.killed_mongodb import MongoDB, own_mongodb
from tests.integration.gateway import eventually

READERS = 40
OUTAGES = int(os.environ.get("OUTAGES", "2"))
AWAY_SECONDS = float(os.environ.get("AWAY_SECONDS", "4"))


@pytest.fixture(scope="module")
def mongodb() -> Iterator[MongoDB]:
    with own_mongodb() as server:
        yield server


class Readers:
    """Read one profile, each again and again, with as much time as chance gives.

    Half of them have so much that it ends together with one of the waits inside PyMongo, or just after it.
    """

    def __init__(self, profiles: MongoProfiles, seed: int) -> None:
        self.profiles = profiles
        self.profile = a_profile()
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.ends: Counter[str] = Counter()

    async def read(self) -> None:
        """Read until cancelled. One of three is cancelled in between, as by a channel that breaks."""
        while True:
            seconds = self.seconds()
            reading = asyncio.create_task(self.read_once(seconds))
            if self.chance.random() < 1 / 3:
                asyncio.get_running_loop().call_later(self.chance.uniform(0, seconds), reading.cancel)
            await asyncio.wait([reading])
            self.ends["cancelled" if reading.cancelled() else reading.result()] += 1

    def seconds(self) -> float:
        """Return how long the next reader has."""
        if self.chance.random() < 1 / 2:
            return self.chance.uniform(0.05, 2.0)
        return self.chance.choice((1, 2, 3)) * MIN_HEARTBEAT_INTERVAL + self.chance.uniform(0, 0.004)

    async def read_once(self, seconds: float) -> str:
        """Return how it ended."""
        try:
            async with limited(Limit(seconds, is_callers=True), seconds):
                await self.profiles.get(self.profile.id)
        except OutOfTime:
            return "out of time"
        except (ServiceError, RuntimeError) as error:
            return type(error).__name__
        await asyncio.sleep(0.02)
        return "read"


@pytest.mark.parametrize("driver", ["pymongo", *at_length("motor")])
async def test_the_client_is_back_whenever_the_server_is(mongodb: MongoDB, driver: MongoDriver) -> None:
    client = open_mongo(mongodb.url, driver)
    try:
        await ensure_indexes(default_database(client))
        readers = Readers(MongoProfiles(default_database(client)), seed=OUTAGES)
        await readers.profiles.add(readers.profile)
        for number in range(OUTAGES):
            reading = [asyncio.create_task(readers.read()) for _ in range(READERS)]
            await mongodb.away(AWAY_SECONDS)
            before = readers.ends["read"]

            async def all_read(before: int = before) -> bool:
                return readers.ends["read"] > before + READERS

            try:
                await eventually(all_read, within=15)
            except TimeoutError:
                pytest.fail(f"stuck after outage {number + 1} of {OUTAGES}: {dict(readers.ends)}")
            finally:
                for each in reading:
                    each.cancel()
                await asyncio.wait(reading, timeout=10)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await close_mongo(client)

    assert readers.ends["out of time"]
    assert readers.ends["cancelled"]
    assert "RuntimeError" not in readers.ends
