"""Profiles, a worker that can be cut off from MongoDB, and who speaks to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.database import AsyncDatabase

from service.domain.profile import Profile
from service.infrastructure.mongo.indexes import ensure_indexes
from service.infrastructure.mongo.profiles import MongoProfiles
from service.pkg.database import close_mongo, default_database, open_mongo
from tests.builders import a_profile
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.workers import address_of, isolated_sandbox, through
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker


@dataclass(frozen=True, slots=True)
class ProxiedEnv:
    """A sandbox with profiles in it.

    Attributes:
        proxy: In front of MongoDB, for workers that go `behind` it.
        service: Speaks as a trusted service.

    """

    sandbox: Sandbox
    folder: Path
    proxy: Proxy
    broker: Broker
    service: Gateway
    database: AsyncDatabase[dict[str, Any]]
    profiles: tuple[Profile, ...]

    def behind(self) -> dict[str, str]:
        """Return the settings of a worker behind the proxy."""
        return {**settings_for(self.sandbox), "MONGO_URL": through(self.proxy, self.sandbox.mongo_url)}

    def change(self, number: int) -> dict[str, Any]:
        """Return a request to change a profile."""
        return {"id": str(self.profiles[number % len(self.profiles)].id), "last_name": f"King {number}"}

    def who(self, number: int) -> dict[str, Any]:
        """Return a request to see a profile."""
        return {"id": str(self.profiles[number % len(self.profiles)].id)}

    async def ask_once(self, number: int, name: str | None = None) -> dict[str, Any]:
        """Change a profile, and return the reply."""
        return await self.service.ask("profile.update", self.change(number), message_id=name or uuid4().hex)

    async def ask(self, number: int) -> dict[str, Any]:
        """Change a profile; ask again, as callers do, while that is not possible."""
        name = uuid4().hex
        while True:
            reply = await self.ask_once(number, name)
            if reply["ok"] or not reply["error"]["retryable"]:
                return reply

    async def tell(self, number: int) -> None:
        """Change a profile; nobody waits for the reply."""
        body = self.change(number)
        await self.service.tell("profile.update", body, message_id=uuid4().hex, delivery_mode=2)

    async def versions(self) -> list[int]:
        """Return the version of each profile."""
        found = self.database["profiles"].find({}, {"version": 1}).sort("id", 1)
        return [each["version"] async for each in found]

    async def counts(self, queue: str) -> tuple[int, int]:
        """Return how many messages wait in *queue*, and how many consumers it has, as of now."""
        declared = await self.broker.channel.declare_queue(queue, passive=True)
        result = declared.declaration_result
        return result.message_count or 0, result.consumer_count or 0

    async def dead_letters(self) -> int:
        """Return how many dead letters of commands on profiles there are."""
        return len(await self.broker.dead_letters("profile.update"))


@asynccontextmanager
async def proxied_env(
    servers: Servers, folder: Path, profiles: int = 4, given: Sandbox | None = None
) -> AsyncIterator[ProxiedEnv]:
    """Set up a sandbox of its own, or one that is *given*, with no worker yet."""
    stored = tuple(a_profile().with_created_event() for _ in range(profiles))
    with nullcontext(given) if given else isolated_sandbox(servers) as sandbox:
        client = open_mongo(sandbox.mongo_url)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(close_mongo, client)
            database = default_database(client)
            await ensure_indexes(database)
            for each in stored:
                await MongoProfiles(database).add(each)
            proxy = await stack.enter_async_context(proxied(*address_of(sandbox.mongo_url)))
            broker = await stack.enter_async_context(administrating(sandbox))
            service = await stack.enter_async_context(connected(sandbox.service_url, exchange=""))
            yield ProxiedEnv(sandbox, folder, proxy, broker, service, database, stored)


async def has_logged(worker: Worker, event: str, *words: str, within: float = 30.0) -> None:
    """Wait until *worker* has logged *event* in a line that has all these *words*, too."""
    wanted = (f'"event": {json.dumps(event)}', *words)

    async def is_there() -> bool:
        log = await asyncio.to_thread(worker.log.read_text)
        return any(all(word in line for word in wanted) for line in log.splitlines())

    await eventually(is_there, within=within)


async def has_ended(worker: Worker) -> int:
    """Wait until *worker* has ended, and return its exit code."""
    return await asyncio.to_thread(worker.process.wait, 40)
