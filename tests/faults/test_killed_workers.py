"""Workers that are killed at random moments under load. `make faults` sets `KILLS` and `SEED`."""

import asyncio
import itertools
import os
import random
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from service.domain.profile import Profile
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import close_mongo, default_database, open_mongo
from tests.builders import a_profile
from tests.faults.history import assert_told_as_committed, listening
from tests.integration.broker import administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

KILLS = int(os.environ.get("KILLS", "4"))
PROFILES = 20
# Commands in a second: a few are in hand whenever a worker is killed.
RATE = 50


async def load(service: Gateway, profiles: list[UUID], seed: random.Random) -> None:
    """Publish changes for ever; nobody waits for replies."""
    for number in itertools.count():
        who = str(seed.choice(profiles))
        await service.tell("profile.update", {"id": who, "last_name": f"King {number}"}, delivery_mode=2)
        await asyncio.sleep(1 / RATE)


async def lives_and_is_killed(sandbox: Sandbox, folder: Path, name: str, seed: random.Random) -> None:
    """Run a worker, and kill it at a random moment of its work."""
    async with working(sandbox, folder, settings_for(sandbox), name) as worker:
        await asyncio.sleep(seed.uniform(0.0, 1.0))
        worker.process.kill()


async def changes(database: AsyncDatabase[dict[str, Any]]) -> int:
    """Return how many changes of profiles were committed."""
    return sum([each["version"] - 1 async for each in database["profiles"].find({}, {"version": 1})])


@pytest.mark.parametrize("seed", [int(os.environ.get("SEED", "1"))])
async def test_every_change_is_published_however_workers_die(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    with isolated_sandbox(servers) as sandbox:
        client = open_mongo(sandbox.mongo_url)
        database = default_database(client)
        stored: list[Profile] = [a_profile().with_created_event() for _ in range(PROFILES)]
        async with AsyncExitStack() as stack:
            stack.push_async_callback(close_mongo, client)
            told = await stack.enter_async_context(listening(sandbox.admin_url))
            service = await stack.enter_async_context(connected(sandbox.service_url, exchange=""))
            await stack.enter_async_context(working(sandbox, tmp_path, settings_for(sandbox), "first"))
            for each in stored:
                await MongoProfiles(database).add(each)
            loading = asyncio.create_task(load(service, [each.id for each in stored], chance))
            for batch in range(KILLS // 2):
                names = (f"worker-{batch}-{each}" for each in range(2))
                await asyncio.gather(
                    *(lives_and_is_killed(sandbox, tmp_path, name, chance) for name in names)
                )
            loading.cancel()
            with suppress(asyncio.CancelledError):
                await loading
            broker = await stack.enter_async_context(administrating(sandbox))

            async def all_are_done() -> bool:
                dead_lettered = len(await broker.dead_letters("profile.update"))
                return await changes(database) + dead_lettered == service.sent["profile.update"]

            await eventually(all_are_done, within=120)
            events = await assert_told_as_committed(told, database)

    assert events > KILLS
    print(f"seed {seed}: {KILLS} kills, {service.sent['profile.update']} commands, {events} events,")  # noqa: T201
    dead_lettered = len(broker.letters["profile.update"])
    print(f"{len(told.ids) - len(set(told.ids))} told again, {dead_lettered} set aside")  # noqa: T201 - for the closing note
