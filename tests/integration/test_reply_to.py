"""Where replies go, where they must not go, and what happens if nobody is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.bad_input import OF_EACH_KIND
from tests.integration.broker import Broker
from tests.integration.conftest import Person
from tests.integration.dead_lettering import FAILURE_HEADERS
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.replies import refusal, result
from tests.integration.requests import OPERATIONS, PASSWORD, a_request
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


@pytest_asyncio.fixture(scope="module")
async def victim(broker: Broker) -> AsyncIterator[str]:
    """A queue of somebody else."""
    queue = await broker.channel.declare_queue("somebody.else", durable=True)
    yield queue.name
    await queue.delete()


async def is_not_written(
    gateway: Gateway, broker: Broker, victim: str, operation: str, elsewhere: str
) -> None:
    """Ask for a reply that goes *elsewhere*; expect that there is none, and that nothing is done."""
    body, correlation_id = a_request(operation), uuid4().hex
    await gateway.tell(operation, body, reply_to=elsewhere, correlation_id=correlation_id)
    letter = await broker.dead_letter("profile.malformed", correlation_id)

    assert letter.headers.keys() - {"x-delivery-count"} == FAILURE_HEADERS
    assert letter.headers["x-error-reason"] == "reply_to_refused"
    assert letter.body == b"{}"
    assert await broker.ready(victim) == 0
    assert await broker.ready("profile.unroutable") == 0
    if operation == "profile.create":
        login = {"email": body["email"], "password": PASSWORD}

        assert refusal(await gateway.ask("auth.login", login)) == ("unauthenticated", "invalid_credentials")


@every_operation
async def test_no_reply_is_written_to_a_queue_of_somebody_else(
    gateway: Gateway, broker: Broker, victim: str, operation: str
) -> None:
    await is_not_written(gateway, broker, victim, operation, victim)


# Which addresses these are, `tests/unit/inputports/amqp/test_outgoing.py` shows at length.
@pytest.mark.parametrize("operation", OF_EACH_KIND)
@pytest.mark.parametrize(
    "elsewhere",
    ["profile.delete", "profile.unroutable", "amq.topic", "amq.gen-x\ny", "amq.rabbitmq.trace"],
    ids=["queue", "unroutable", "exchange", "line break", "trace"],
)
async def test_no_reply_is_written_to_an_address_that_is_no_callers(
    gateway: Gateway, broker: Broker, victim: str, operation: str, elsewhere: str
) -> None:
    await is_not_written(gateway, broker, victim, operation, elsewhere)


async def test_a_command_with_a_forbidden_reply_to_is_not_carried_out(
    gateway: Gateway, broker: Broker, victim: str, ada: Person
) -> None:
    correlation_id = uuid4().hex
    change = {"id": ada["id"], "last_name": "King"}
    await gateway.tell(
        "profile.update", change, token=ada["token"], reply_to=victim, correlation_id=correlation_id
    )
    await broker.dead_letter("profile.malformed", correlation_id)

    assert result(await gateway.ask("profile.get", {"id": ada["id"]}, token=ada["token"]))["version"] == 1


@pytest.mark.parametrize("missing", ["x|missing_exchange", "x|missing|y", "|", "a|b|c|d"])
async def test_an_exchange_in_reply_to_does_no_harm_to_anybody(
    gateway: Gateway, broker: Broker, worker: Worker, bob: Person, missing: str
) -> None:
    """FastStream would look for that exchange, and lose the channel with all that is in flight on it."""
    others = [
        *(gateway.ask("profile.create", a_request("profile.create")) for _ in range(3)),
        *(gateway.ask("profile.get", {"id": bob["id"]}, token=bob["token"]) for _ in range(10)),
        *(gateway.ask("auth.keys", {}) for _ in range(10)),
    ]
    before = await broker.consuming_channels()
    poison = {operation: uuid4().hex for operation in OPERATIONS}

    async def send_poison() -> None:
        for operation, correlation_id in poison.items():
            await gateway.tell(
                operation, a_request(operation), reply_to=missing, correlation_id=correlation_id
            )

    _, *replies = await asyncio.gather(send_poison(), *others)

    assert all(reply["ok"] for reply in replies)

    for correlation_id in poison.values():
        await broker.dead_letter("profile.malformed", correlation_id)

    assert await broker.consuming_channels() == before
    assert worker.process.poll() is None
    assert "Reconnecting" not in worker.log.read_text()


@every_operation
async def test_a_queue_that_the_broker_named_gets_the_reply(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    replies = await broker.reply_queue()
    await gateway.tell(operation, a_request(operation), reply_to=replies, correlation_id="mine")
    reply = await broker.first(replies)

    assert replies.startswith("amq.gen-")
    assert reply.correlation_id == "mine"
    assert isinstance(json.loads(reply.body)["ok"], bool)


@every_operation
async def test_a_caller_that_has_gone_does_no_harm(
    gateway: Gateway, sandbox: Sandbox, broker: Broker, worker: Worker, operation: str
) -> None:
    queue = await broker.channel.declare_queue(exclusive=True)
    await queue.delete()
    body = a_request(operation)
    await gateway.tell(operation, body, reply_to=queue.name)
    async with connected(sandbox.gateway_url) as leaving:
        await leaving.tell(operation, a_request(operation), reply_to="amq.rabbitmq.reply-to")

    reply = await gateway.ask(operation, a_request(operation))

    assert isinstance(reply["ok"], bool)
    assert worker.process.poll() is None
    if operation == "profile.create":

        async def look() -> bool:
            login = await gateway.ask("auth.login", {"email": body["email"], "password": PASSWORD})
            return login["ok"] is True

        assert await eventually(look)


async def test_a_queue_that_its_owner_named_gets_no_reply_unless_the_settings_say_so(
    gateway: Gateway, broker: Broker
) -> None:
    """With a prefix in the settings: see `test_worker.py`."""
    correlation_id = uuid4().hex
    queue = await broker.channel.declare_queue("replies.gateway-1", exclusive=True)
    await gateway.tell("auth.keys", {}, reply_to=queue.name, correlation_id=correlation_id)

    await broker.dead_letter("profile.malformed", correlation_id)

    assert await broker.ready(queue.name) == 0
