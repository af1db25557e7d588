"""What whoever may publish can do with one message, by the rights of a gateway and without a token."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aiormq.exceptions import ChannelPreconditionFailed
from pymongo import AsyncMongoClient

from service.infrastructure.rabbitmq.topology import RETRIES
from service.pkg.database import default_database
from tests.builders import an_address
from tests.faults.cluster import sandbox_with_short_retries
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.connections import connect
from tests.integration.gateway import COMMANDS, connected, eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.replies import result
from tests.integration.requests import a_request
from tests.integration.undecodable import NotUtf8, writing_anything
from tests.integration.workers import address_of, through, working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

CANARY = "canary-4711"
HEADERS: dict[str, dict[str, Any]] = {
    "routes of the broker": {"CC": ["profile.followup", "victim"], "BCC": ["victim", "profile.parked"]},
    "a count without end": {"x-attempt": 2**63 - 1, "x-replay-count": 2**63 - 1, "x-attempts": 2**63 - 1},
    "a deadline without end": {"x-deadline": 2**63 - 1},
    "a header in Latin-1": {"x-name": NotUtf8("caf?"), NotUtf8("caf?"): 1},
    "a header larger than a frame": {"x-large": "x" * 130_850},
    "a token in clear": {"authorization": f"Bearer {CANARY}"},
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A worker behind a proxy to MongoDB."""

    sandbox: Sandbox
    worker: Worker
    proxy: Proxy
    broker: Broker
    mongo: AsyncMongoClient[dict[str, Any]]

    async def names(self) -> list[str]:
        """Return the last names of all users."""
        found = default_database(self.mongo)["profiles"].find({}, {"last_name": 1})
        return [each["last_name"] async for each in found]


@asynccontextmanager
async def proxied_env(servers: Servers, folder: Path) -> AsyncIterator[Stage]:
    """Set a stage, with a queue `victim` on it."""
    with sandbox_with_short_retries(servers) as sandbox:
        async with (
            proxied(*address_of(sandbox.mongo_url)) as proxy,
            administrating(sandbox) as broker,
            AsyncMongoClient[dict[str, Any]](sandbox.mongo_url) as mongo,
            working(
                sandbox, folder, {**settings_for(sandbox), "MONGO_URL": through(proxy, sandbox.mongo_url)}
            ) as worker,
        ):
            await broker.channel.declare_queue("victim", durable=True)
            yield Stage(sandbox, worker, proxy, broker, mongo)


async def test_nothing_that_a_caller_wrote_rides_on_when_a_command_is_tried_again(
    servers: Servers, tmp_path: Path
) -> None:
    async with proxied_env(servers, tmp_path) as stage, connected(stage.sandbox.gateway_url) as gateway:
        stage.proxy.cut()
        for name, headers in HEADERS.items():
            body = a_request("profile.create", last_name=name, email=an_address())
            with writing_anything():
                await gateway.tell("profile.create", body, headers=headers, message_id=uuid4().hex)

        async def tried() -> bool:
            return stage.worker.log.read_text().count('"database_unavailable"') >= 3

        await eventually(tried, within=30)
        stage.proxy.mend()

        async def done() -> bool:
            waiting = [await stage.broker.ready(queue) for queue in ("profile.create", *RETRIES)]
            return not any(waiting) and len(await stage.names()) >= len(HEADERS)

        await eventually(done, within=60)
        queues = (
            "victim",
            "profile.parked",
            "profile.followup",
            "profile.followup.dlq",
            "profile.create.dlq",
        )
        left = {queue: await stage.broker.ready(queue) for queue in queues}
        log = stage.worker.log.read_text()

        assert sorted(await stage.names()) == sorted(HEADERS)
        assert left == dict.fromkeys(queues, 0)
        assert "publishing again" not in log
        assert "given up" not in log
        assert "handling failed" not in log
        assert CANARY not in log


async def test_656_messages_that_cannot_be_written_again_silence_nobody(
    servers: Servers, tmp_path: Path
) -> None:
    async with proxied_env(servers, tmp_path) as stage, connected(stage.sandbox.gateway_url) as gateway:
        operations = ("profile.create", "post.create", "profile.delete", "auth.change_password")
        with writing_anything():
            for number in range(656):
                headers = {"x-attempt": 2**63 - 1, NotUtf8("caf?"): NotUtf8("caf?")}
                await gateway.tell(operations[number % 4], b"{}", headers=headers)
        replies = [await gateway.ask("profile.create", a_request("profile.create")) for _ in range(3)]

        async def all_are_set_aside() -> bool:
            return await stage.broker.ready("profile.malformed.dlq") >= 656

        async def nothing_waits() -> bool:  # as the console says, some seconds later
            found = {each["name"]: each for each in await stage.broker.look_here("queues")}
            return not any(found[each].get("messages", 1) for each in operations)

        assert all(result(each) for each in replies)
        await eventually(all_are_set_aside, within=120)
        await eventually(nothing_waits)
        # None of these letters is among the genuine ones.
        assert await stage.broker.ready("profile.malformed.dlq") == 656
        assert await stage.broker.ready("profile.create.dlq") == 0


async def test_what_is_larger_than_any_request_is_not_taken(servers: Servers, tmp_path: Path) -> None:
    async with (
        proxied_env(servers, tmp_path) as stage,
        await connect(stage.sandbox.gateway_url) as connection,
    ):
        for key in ("profile.create", "nobody"):
            channel = await connection.channel()
            commands = await channel.get_exchange(COMMANDS, ensure=False)
            with pytest.raises(ChannelPreconditionFailed):
                await commands.publish(aio_pika.Message(bytes(1024 * 1024 + 1)), key)


async def test_right_logins_of_one_account_leave_room_for_others(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as stage, connected(stage.sandbox.gateway_url) as gateway:
        ada, bob = (a_request("profile.create") for _ in range(2))
        for each in (ada, bob):
            result(await gateway.ask("profile.create", each))
        mine = {name: ada[name] for name in ("email", "password")}
        flood = [asyncio.ensure_future(gateway.ask("auth.login", mine, timeout=120)) for _ in range(200)]
        yours = {name: bob[name] for name in ("email", "password")}
        reply = await gateway.ask("auth.login", yours, timeout=60)
        waiting = sum(not each.done() for each in flood)
        reasons = {json.dumps(each.get("error", {}).get("reason")) for each in await asyncio.gather(*flood)}

        assert result(reply)
        assert waiting > 0
        assert reasons <= {"null", '"attempts_in_flight"', '"overloaded"'}
