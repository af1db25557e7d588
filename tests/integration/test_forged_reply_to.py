"""One forged `reply_to` takes nothing from anybody else, by the rights of a gateway."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

from service.pkg.direct_replies import PREFIX
from tests.integration.broker import Broker
from tests.integration.conftest import Person
from tests.integration.gateway import REPLY_TO, Gateway, eventually
from tests.integration.requests import a_request
from tests.integration.workers import logged
from tools.worker import Worker

# Each of the forged addresses is used so often, with each of three operations.
TIMES = 8
# Of those who ask in earnest: more would wait for each other, on a busy machine for too long.
AT_ONCE = 32


@pytest_asyncio.fixture(scope="module")
async def process(broker: Broker) -> AsyncIterator[bytes]:
    """The process in a key that the broker has made for us, as Erlang writes it."""

    async def ignore(_reply: AbstractIncomingMessage) -> None:
        """Nobody replies."""

    channel = broker.channel
    replies = await channel.get_queue(REPLY_TO, ensure=False)
    tag = await replies.consume(ignore, no_ack=True)
    queue = await broker.reply_queue()
    await channel.default_exchange.publish(Message(b"", reply_to=REPLY_TO), queue)
    key = (await broker.first(queue)).reply_to or ""
    yield base64.b64decode(key.removeprefix(PREFIX).partition(".")[0])
    await replies.cancel(tag)


def forged(process: bytes) -> list[str]:
    """Return keys that no broker has made: some close the connection that a reply is published on."""

    def key(changed: bytes) -> str:
        return f"{PREFIX}{base64.b64encode(changed).decode()}.AAAA"

    at_hash = process.index(b"@") + 1
    digit = b"1" if process[at_hash : at_hash + 1] != b"1" else b"2"
    unknown_node = process[:at_hash] + digit + process[at_hash + 1 :]
    return [
        f"{PREFIX}AAAA.BBBB",
        key(process + b"x"),
        key(process[:-3]),
        key(unknown_node),
        key(process[:-12] + b"\x00\x7f\xff\xff" + process[-8:]),
        key(process[:-1]),
        key(b"\x83" + bytes(30)),
        key(process),
    ]


async def lines(broker: Broker) -> set[str]:
    """Return the connections of the worker that last, as the console names them."""
    found = await broker.connections()
    names = {each["name"]: str(each.get("user_provided_name")) for each in found}
    return {name for name, given in names.items() if given.endswith((" publish", " reply", " consume"))}


async def test_who_forges_addresses_takes_no_reply_from_anybody(
    gateway: Gateway, broker: Broker, worker: Worker, process: bytes, bob: Person
) -> None:
    async def here() -> bool:
        return len(await lines(broker)) == 3

    await eventually(here, within=20)  # the console lists connections late
    before = await lines(broker)
    asking, room = [], asyncio.Semaphore(AT_ONCE)

    async def ask(operation: str, body: dict[str, Any]) -> dict[str, Any]:
        async with room:
            return await gateway.ask(operation, body, token=bob["token"])

    for number, address in enumerate(forged(process) * TIMES):
        for operation in ("auth.keys", "profile.get", "post.create"):
            await gateway.tell(operation, a_request(operation), reply_to=address, correlation_id=uuid4().hex)
            if number % 2 == 0:
                asking.append(asyncio.ensure_future(ask("post.create", a_request("post.create"))))
            asking.append(asyncio.ensure_future(ask("profile.get", {"id": bob["id"]})))
            async with room:  # so that what is forged comes among what is not
                pass
    replies = await asyncio.gather(*asking)

    assert [each["error"] for each in replies if not each["ok"]] == []

    async def idle() -> bool:
        queues = [
            await broker.look_here("queues", each) for each in ("auth.keys", "profile.get", "post.create")
        ]
        return all(each.get("messages") == 0 for each in queues)

    assert await eventually(idle, within=40)
    assert await lines(broker) == before
    assert worker.process.poll() is None
    await logged(worker, '"why": "ConnectionInternalError"')
    assert "Reconnecting" not in worker.log.read_text()
