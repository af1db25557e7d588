"""A worker that is killed while it deletes the many posts of a user. `make faults` sets `POSTS`."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from pymongo.asynchronous.database import AsyncDatabase

from service.pkg.database import close_mongo, default_database, open_mongo
from tests.faults.history import Told, listening
from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.identity.people import logged_in, signed_up
from tests.integration.replies import result
from tests.integration.workers import isolated_sandbox, working
from tests.many_posts import store_posts
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

MANY = int(os.environ.get("POSTS", "2000"))
MIDWAY = MANY // 5


@asynccontextmanager
async def database_of(sandbox: Sandbox) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """Open the database of *sandbox*, and close it at the end."""
    client = open_mongo(sandbox.mongo_url)
    yield default_database(client)
    await close_mongo(client)


async def deleted_user(sandbox: Sandbox, database: AsyncDatabase[dict[str, Any]]) -> UUID:
    """Return a user with many posts whose profile was deleted just now."""
    async with connected(sandbox.gateway_url) as gateway:
        person = await signed_up(gateway)
        token = (await logged_in(gateway, person))["access_token"]
        await store_posts(database, UUID(person["id"]), MANY)
        result(await gateway.ask("profile.delete", {"id": person["id"]}, token=token))
    return UUID(person["id"])


async def lasted(look: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until *look* says so, and say how long it took."""
    began = time.monotonic()
    await eventually(look, within=90)
    print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201 - for the closing note


async def test_another_worker_goes_on_where_a_killed_one_was(servers: Servers, tmp_path: Path) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with database_of(sandbox) as database, listening(sandbox.admin_url) as told:
            posts = database["posts"]

            async def is_midway() -> bool:
                return await posts.count_documents({"status": "deleted"}) >= MIDWAY

            async def is_done() -> bool:
                return await posts.find_one({"status": "active"}) is None

            async def is_told() -> bool:
                return await posts.find_one({"outbox.0": {"$exists": True}}) is None

            async with working(sandbox, tmp_path, settings_for(sandbox), "first") as first:
                await deleted_user(sandbox, database)
                await eventually(is_midway)
                first.process.kill()
                first.process.wait()
            at_the_kill = await posts.count_documents({"status": "deleted"})
            waiting = await posts.count_documents({"outbox.0": {"$exists": True}})
            print(f"killed at {at_the_kill}, {waiting} untold")  # noqa: T201
            async with working(sandbox, tmp_path, settings_for(sandbox), "second"):
                await lasted(is_done, "the rest deleted")
                await lasted(is_told, "the rest told")
                await lasted_heard(told)
            versions = await posts.distinct("version", {"status": "deleted", "deleted_with_owner": True})
            ids = {str(each["id"]) async for each in posts.find({}, {"id": 1})}

    assert MIDWAY <= at_the_kill < MANY
    assert versions == [2]
    heard = [each for each in told.ids if each.startswith("post.")]
    assert set(heard) == {f"post.deleted/{each}/2" for each in ids}
    assert len(ids) == len(set(heard)) == MANY
    assert [name for name, bodies in told.bodies.items() if len(bodies) > 1] == []
    print(f"{len(heard) - MANY} told again")  # noqa: T201


async def lasted_heard(told: Told) -> None:
    """Wait until everything was heard."""

    async def is_heard() -> bool:
        return len([each for each in told.bodies if each.startswith("post.")]) >= MANY

    await lasted(is_heard, "the rest heard")
