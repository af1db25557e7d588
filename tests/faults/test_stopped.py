"""Servers and workers that stand still for longer than every limit of ours: no command is lost.

A promise is every command that the broker has confirmed and that has no expiration, whether anybody waits
for its reply or not. It is kept when its effect is there.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from aio_pika import DeliveryMode, Message
from pymongo import AsyncMongoClient

from service.infrastructure.inputports.amqp.deadlines import MAX_SECONDS
from service.pkg.database import default_database
from tests.at_length import at_length
from tests.builders import an_address
from tests.faults.alarms import memory_alarm, node_of
from tests.faults.cluster import sandbox_with_short_retries
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.connections import connect
from tests.integration.gateway import eventually
from tests.integration.requests import a_request
from tests.integration.workers import working
from tools.servers import Servers
from tools.servers.sandbox import SERVICE, Sandbox
from tools.worker import Worker

_STOPPED: Final = MAX_SECONDS + 4
# More than the worker takes at once, so that some wait in its hands and some in their queue.
_COMMANDS: Final = 120
_PROMPT: Final = 90.0


@dataclass(frozen=True, slots=True)
class StoppedEnv:
    """A worker on servers that can be stopped."""

    sandbox: Sandbox
    worker: Worker
    broker: Broker
    mongo: AsyncMongoClient[dict[str, Any]]

    async def promise(self) -> None:
        """Send commands that nobody waits for, one in two of them without a name; all are confirmed."""
        async with await connect(self.sandbox.service_url) as connection:
            channel = await connection.channel()
            sending = [
                channel.default_exchange.publish(_create(number), "profile.create", mandatory=True)
                for number in range(_COMMANDS)
            ]
            await asyncio.gather(*sending)

    async def kept(self) -> list[str]:
        """Return the commands that have had their effect, each as often as it had it."""
        found = default_database(self.mongo)["profiles"].find({}, {"last_name": 1})
        return [each["last_name"] async for each in found]

    async def letters(self) -> int:
        """Return how many of the commands are dead letters."""
        return await self.broker.ready("profile.create.dlq")


def _create(number: int) -> Message:
    body = a_request("profile.create", last_name=_name(number), email=an_address())
    return Message(
        json.dumps(body).encode(),
        message_id=uuid4().hex if number % 2 else None,
        user_id=SERVICE,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def _name(number: int) -> str:
    return f"King {number:03}"


@asynccontextmanager
async def _stopped(pid: int) -> AsyncIterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def mongod_stopped(env: StoppedEnv) -> AsyncIterator[None]:
    """Let MongoDB's server stand still."""
    options = await env.mongo.admin.command("getCmdLineOpts")
    assert "profile-servers-" in str(options), "only a server that we started can be stopped"
    status = await env.mongo.admin.command("serverStatus")
    async with _stopped(int(status["pid"])):
        yield


@asynccontextmanager
async def worker_stopped(env: StoppedEnv) -> AsyncIterator[None]:
    """Let the worker stand still."""
    async with _stopped(env.worker.process.pid):
        yield


@asynccontextmanager
async def alarm(env: StoppedEnv) -> AsyncIterator[None]:
    """Let the broker take nothing more."""
    node = await node_of(env.broker)
    assert node, "only a broker that we started can be told to raise an alarm"
    async with memory_alarm(node):
        yield


Stop = Callable[[StoppedEnv], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("stop", [mongod_stopped, *at_length(worker_stopped, alarm)])
async def test_no_promise_is_broken_by_a_server_that_stands_still(
    own_servers: Servers, tmp_path: Path, stop: Stop
) -> None:
    with sandbox_with_short_retries(own_servers) as sandbox:
        async with (
            working(sandbox, tmp_path, settings_for(sandbox)) as worker,
            administrating(sandbox) as broker,
            AsyncMongoClient[dict[str, Any]](sandbox.mongo_url) as mongo,
        ):
            env = StoppedEnv(sandbox, worker, broker, mongo)
            await env.promise()
            async with stop(env):
                await asyncio.sleep(_STOPPED)  # what is tested is that time passes

            async def all_are_kept() -> bool:
                return len(set(await env.kept())) + await env.letters() >= _COMMANDS

            await eventually(all_are_kept, within=_PROMPT)
            kept, letters = await env.kept(), await env.letters()

    assert letters == 0
    assert sorted(kept) == [_name(number) for number in range(_COMMANDS)]
