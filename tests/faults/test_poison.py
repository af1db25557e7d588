"""Requests that kill whichever worker carries them out, and those who have asked beside them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.security.keys import new_key
from service.pkg.database import close_mongo, default_database, open_mongo
from tests.builders import a_profile
from tests.faults.worker_segfault import DEATHS, POISON, POISONED
from tests.forking import fork
from tests.integration.broker import administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.replies import refusal
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

BEFORE, AFTER = 4, 40
PATIENCE = 200.0


async def keep_alive(sandbox: Sandbox, folder: Path, codes: list[int]) -> None:
    """Start a fragile worker whenever the one before has ended, as a supervisor does; note how it ended."""
    environment = {
        "RABBITMQ_URL": sandbox.service_url,
        "MONGO_URL": sandbox.mongo_url,
        "REDIS_URL": sandbox.redis_url,
        "SIGNING_KEYS_DIR": str(folder / "keys"),
        **settings_for(sandbox),
    }
    module = ("tests.faults.worker_segfault", "worker")
    with (folder / "workers.log").open("w+b") as log:
        while True:
            process = fork(module, {**os.environ, **environment}, log, log, log)
            try:
                codes.append(await asyncio.to_thread(process.wait))
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait)


@asynccontextmanager
async def supervised(sandbox: Sandbox, folder: Path) -> AsyncIterator[list[int]]:
    """Keep a fragile worker alive inside the block; give the exit codes of those that have died."""
    new_key(folder / "keys", datetime.now(UTC))
    codes: list[int] = []
    supervising = asyncio.create_task(keep_alive(sandbox, folder, codes))
    try:
        yield codes
    finally:
        supervising.cancel()
        await asyncio.wait([supervising])


async def stored_profiles(sandbox: Sandbox, many: int) -> list[str]:
    """Return the ids of profiles that are just there."""
    client = open_mongo(sandbox.mongo_url)
    profiles = [a_profile() for _ in range(many)]
    for each in profiles:
        await MongoProfiles(default_database(client)).add(each)
    await close_mongo(client)
    return [str(each.id) for each in profiles]


async def test_a_request_that_kills_workers_is_dead_lettered_and_those_beside_it_are_answered(
    servers: Servers, tmp_path: Path
) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with administrating(sandbox) as broker, connected(sandbox.service_url, exchange="") as service:
            names = await stored_profiles(sandbox, BEFORE + AFTER)
            changes = [{"id": each, "last_name": "King"} for each in names]
            changes.insert(BEFORE, {"id": names[0], "last_name": POISON})
            ids = [f"request-{number}" for number in range(len(changes))]
            # All wait before the first worker is there, so it has many of them in hand when it dies.
            asked = [
                asyncio.create_task(
                    service.ask("profile.update", change, timeout=PATIENCE, correlation_id=correlation_id)
                )
                for correlation_id, change in zip(ids, changes, strict=True)
            ]
            async with supervised(sandbox, tmp_path) as codes:
                replies = await asyncio.gather(*asked)
                letter = await broker.dead_letter("profile.update", ids[BEFORE])

    assert codes == [-signal.SIGSEGV] * DEATHS
    assert refusal(replies.pop(BEFORE)) == ("internal", "internal_error")
    assert letter.headers["x-error-type"] == "TooManyDeliveries"
    assert [each["error"] for each in replies if not each["ok"]] == []
    assert broker.letters["profile.update"] == [letter]


async def test_a_query_that_kills_workers_does_so_as_long_as_it_may_wait_and_no_longer(
    servers: Servers, tmp_path: Path
) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with (
            administrating(sandbox) as broker,
            connected(sandbox.service_url, exchange="") as service,
            supervised(sandbox, tmp_path) as codes,
        ):
            (name,) = await stored_profiles(sandbox, 1)
            await service.ask("profile.get", {"id": name}, timeout=PATIENCE)
            # A classic queue does not count how often it has delivered a message.
            await service.tell("profile.get", {"id": str(POISONED)}, expiration=3)

            async def has_killed() -> bool:
                return bool(codes)

            await eventually(has_killed)
            reply = await service.ask("profile.get", {"id": name}, timeout=PATIENCE)
            waiting = await broker.ready("profile.get")

    assert reply["ok"]
    assert waiting == 0
    assert set(codes) == {-signal.SIGSEGV}
