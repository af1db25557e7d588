"""A worker that dies at each step between the write and the publish: no event is lost, and none lies."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from service.infrastructure.clock import SystemClock
from service.infrastructure.mongo.indexes import ensure_indexes
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.pkg.background import Background
from service.pkg.database import close_mongo, default_database, open_mongo
from tests import forking
from tests.builders import a_profile
from tests.faults.history import assert_told_as_committed, listening
from tests.faults.worker_crash_step import STEPS
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox


async def dies(sandbox: Sandbox, step: str, profile: UUID) -> int:
    """Let a process of its own die at *step* of a change to *profile*; return its exit code."""
    environment = {**os.environ, "MONGO_URL": sandbox.mongo_url, "RABBITMQ_URL": sandbox.service_url}
    module = ["tests.faults.worker_crash_step", step, str(profile)]
    return (await asyncio.to_thread(forking.run, module, environment)).returncode


@pytest.mark.parametrize("step", STEPS)
async def test_whenever_a_worker_dies_every_change_is_published_in_order(servers: Servers, step: str) -> None:
    profile = a_profile().with_created_event()
    with isolated_sandbox(servers) as sandbox:
        client = open_mongo(sandbox.mongo_url)
        database = default_database(client)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(close_mongo, client)
            await ensure_indexes(database)
            await MongoProfiles(database).add(profile)
            told = await stack.enter_async_context(listening(sandbox.admin_url))
            # The second one finds in the outbox what the first one has left.
            codes = [await dies(sandbox, step, profile.id) for _ in range(2)]
            publisher = RabbitPublisher(sandbox.service_url)
            relay = Relay(MongoOutbox(database), publisher, SystemClock(), frozenset(), Background(print))
            async with publisher, relay.running():
                events = await assert_told_as_committed(told, database)

    assert codes == [-signal.SIGKILL] * 2
    assert events == (1 if step == "before the write" else 3)
