"""Fire-and-forget commands that wait in their queue for longer than an access token lives.

RabbitMQ 3.10, which these tests usually run on, has no message interceptor: the header that it would write is
written here by the sender. On a broker that writes it, nothing is; and a forged one is shown to be of no use.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import jwt
from pymongo import MongoClient

from profile_contracts.events import COMMAND_FAILED
from tests.integration.conftest import Person, settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.identity.events import Listener, listening
from tests.integration.identity.people import Tokens, logged_in, signed_up
from tests.integration.replies import result
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

LIVES = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway, and a worker that is not always there."""

    sandbox: Sandbox
    folder: Path
    gateway: Gateway
    listener: Listener
    broker_writes: bool

    def header(self, milliseconds: int) -> Mapping[str, int]:
        """Return the header of a message that the broker takes at that time, unless it writes that itself."""
        return {} if self.broker_writes else {"timestamp_in_ms": milliseconds}

    @asynccontextmanager
    async def worker(self, name: str, *, is_broker_believed: bool) -> AsyncIterator[None]:
        """Run a worker whose tokens live for seconds."""
        more = {"ACCESS_TOKEN_SECONDS": str(LIVES), "BROKER_SETS_TIMESTAMP": str(is_broker_believed)}
        settings = {**settings_for(self.sandbox), **more}
        async with working(self.sandbox, self.folder, settings, name):
            yield

    async def rename(self, person: Person, tokens: Tokens, name: str, headers: Mapping[str, Any]) -> str:
        """Send a fire-and-forget command, and return its id."""
        message_id = uuid4().hex
        body = {"id": person["id"], "last_name": name}
        token: str = tokens["access_token"]
        await self.gateway.tell(
            "profile.update", body, token=token, message_id=message_id, headers=dict(headers)
        )
        return message_id

    async def failure(self, message_id: str) -> str:
        """Wait until it is told that a command has failed, and return why."""

        async def look() -> list[str]:
            events = [each["data"] for each in self.listener.events(COMMAND_FAILED.name)]
            return [each["reason"] for each in events if each["message_id"] == message_id]

        (reason,) = await eventually(look)
        return reason

    async def last_name(self, person: Person) -> str:
        """Return the last name of *person* as it is now."""
        token = (await logged_in(self.gateway, person))["access_token"]
        profile = result(await self.gateway.ask("profile.get", {"id": person["id"]}, token=token))
        return str(profile["last_name"])


@asynccontextmanager
async def staged(servers: Servers, folder: Path) -> AsyncIterator[Stage]:
    """Give a stage of its own."""
    with isolated_sandbox(servers) as sandbox:
        async with connected(sandbox.gateway_url) as gateway, listening(sandbox.admin_url) as listener:
            yield Stage(sandbox, folder, gateway, listener, await _writes_timestamps(sandbox))


async def _writes_timestamps(sandbox: Sandbox) -> bool:
    """Return whether the broker writes over the time that a sender has written on a message."""
    async with await aio_pika.connect(sandbox.admin_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        forged = aio_pika.Message(b"", headers={"timestamp_in_ms": 1})
        await channel.default_exchange.publish(forged, queue.name)
        message = await queue.get(timeout=10)
        await message.ack()
        return bool(message.headers["timestamp_in_ms"] != 1)


def _now() -> int:
    return int(time.time() * 1000)


async def _expired(tokens: Tokens) -> None:
    """Wait until the access token of *tokens* is expired, for clocks that are apart, too."""
    end: float = jwt.decode(tokens["access_token"], options={"verify_signature": False})["exp"] + 1

    async def is_over() -> bool:
        return time.time() > end

    await eventually(is_over, within=LIVES + 10)


async def test_a_command_is_carried_out_however_long_it_has_waited(servers: Servers, tmp_path: Path) -> None:
    async with staged(servers, tmp_path) as stage:
        async with stage.worker("first", is_broker_believed=True):
            person = await signed_up(stage.gateway)
            tokens = await logged_in(stage.gateway, person)
        await stage.rename(person, tokens, "King", stage.header(_now()))
        await _expired(tokens)
        late = await stage.rename(person, tokens, "Byron", stage.header(_now()))
        async with stage.worker("second", is_broker_believed=True):
            # Both wait in one queue, in this order.
            assert await stage.failure(late) == "token_expired"
            assert await stage.last_name(person) == "King"
            if stage.broker_writes:
                forged = await stage.rename(
                    person, tokens, "Noel", {"timestamp_in_ms": _now() - LIVES * 1000}
                )
                assert await stage.failure(forged) == "token_expired"


async def test_a_session_that_ended_while_a_command_waited_has_ended(
    servers: Servers, tmp_path: Path
) -> None:
    async with staged(servers, tmp_path) as stage:
        async with stage.worker("first", is_broker_believed=True):
            person = await signed_up(stage.gateway)
            tokens = await logged_in(stage.gateway, person)
        waiting = await stage.rename(person, tokens, "King", stage.header(_now()))
        with MongoClient[dict[str, Any]](stage.sandbox.mongo_url, uuidRepresentation="standard") as mongo:
            assert mongo.get_default_database()["sessions"].delete_many({}).deleted_count == 1
        await _expired(tokens)
        async with stage.worker("second", is_broker_believed=True):
            assert await stage.failure(waiting) == "session_ended"


async def test_a_sender_is_not_believed_unless_the_broker_writes_the_time(
    servers: Servers, tmp_path: Path
) -> None:
    async with staged(servers, tmp_path) as stage, stage.worker("worker", is_broker_believed=False):
        person = await signed_up(stage.gateway)
        tokens = await logged_in(stage.gateway, person)
        came = _now()
        await _expired(tokens)
        forged = await stage.rename(person, tokens, "King", {"timestamp_in_ms": came})

        assert await stage.failure(forged) == "token_expired"
        assert await stage.last_name(person) == "Lovelace"
