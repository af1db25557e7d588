"""A password that is sent in every way there is, and looked for everywhere."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage
from bson import json_util
from pymongo import MongoClient

from service.infrastructure.inputports.amqp.stages.reject_poison import MAX_DELIVERIES
from tests.integration.broker import Broker
from tests.integration.canary import Canary, a_canary, send_everything, use_as_meant
from tests.integration.conftest import settings_for
from tests.integration.connections import connect
from tests.integration.gateway import Gateway, connected
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.workers import isolated_sandbox, running_worker
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

# Where requests are left of that make no sense, without `.dlq`.
MALFORMED = "profile.malformed"


@pytest_asyncio.fixture(scope="module")
async def talkative(sandbox: Sandbox) -> AsyncIterator[Gateway]:
    """A gateway whose replies are ours alone."""
    async with connected(sandbox.gateway_url) as plain:
        yield plain


@pytest_asyncio.fixture(scope="module")
async def canary(talkative: Gateway, worker: Worker) -> Canary:
    """A canary that was sent in every way."""
    assert worker.process.poll() is None
    bird = a_canary()
    await use_as_meant(talkative, bird)
    await send_everything(talkative, bird, OPERATIONS)
    return bird


@pytest_asyncio.fixture(scope="module")
async def letters(canary: Canary, talkative: Gateway, broker: Broker) -> list[str]:
    """Every dead letter, with its headers and properties."""
    assert canary.secret
    for operation in OPERATIONS:
        last = uuid4().hex
        await talkative.tell(operation, b"the last one", correlation_id=last)
        await broker.dead_letter(MALFORMED, last)
    return [_text(each) for queue in (*OPERATIONS, MALFORMED) for each in await broker.dead_letters(queue)]


def _text(message: AbstractIncomingMessage) -> str:
    """Return everything that *message* says: body, headers, properties."""
    return f"{message.body.decode()} {message.info()!r}"


async def test_no_log_names_it(canary: Canary, letters: list[str], worker: Worker) -> None:
    log = worker.log.read_text()

    assert len(letters) >= len(OPERATIONS)
    assert log.count('"event": "request"') > 100
    assert not canary.in_(log)


async def test_no_dead_letter_names_it(canary: Canary, letters: list[str]) -> None:
    assert [each for each in letters if canary.in_(each)] == []


async def test_no_reply_names_the_password_and_no_refusal_names_anything(
    canary: Canary, talkative: Gateway
) -> None:
    refusals = [_text(each) for each in talkative.replies if b'"ok":false' in each.body]

    assert len(refusals) > 100
    assert [each for each in refusals if canary.in_(each)] == []
    assert [each for each in talkative.replies if canary.secret in _text(each)] == []


async def test_the_database_holds_the_password_as_a_hash_only(canary: Canary, sandbox: Sandbox) -> None:
    with MongoClient[dict[str, Any]](sandbox.mongo_url) as client:
        database = client.get_default_database()
        dump = {name: json_util.dumps(database[name].find()) for name in database.list_collection_names()}

    assert canary.email in dump["profiles"]
    assert canary.name in dump["posts"]
    assert [name for name, text in dump.items() if canary.secret in text] == []


async def test_tokens_are_in_no_log_and_no_dead_letter(
    letters: list[str], talkative: Gateway, worker: Worker
) -> None:
    told = [json.loads(each.body) for each in talkative.replies]
    tokens = [each["result"]["access_token"] for each in told if "access_token" in each.get("result", {})]
    everything = worker.log.read_text() + "".join(letters)

    assert tokens
    assert [each for each in tokens if each in everything or each.rpartition(".")[2] in everything] == []


async def leave_to_kill(sandbox: Sandbox, queue: str, body: dict[str, Any]) -> None:
    """Leave a request in *queue* that was given back so often that no worker tries it."""
    async with await connect(sandbox.admin_url) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(json.dumps(body).encode(), delivery_mode=2)
        await channel.default_exchange.publish(message, queue)
        source = await channel.get_queue(queue, ensure=False)
        for _ in range(MAX_DELIVERIES):
            await (await source.get(timeout=10)).nack(requeue=True)


@pytest.mark.at_length
async def test_a_worker_that_logs_at_debug_does_not_name_it_either(servers: Servers, tmp_path: Path) -> None:
    bird = a_canary()
    with isolated_sandbox(servers) as env:
        settings = {**settings_for(env), "LOG_LEVEL": "DEBUG"}
        await leave_to_kill(env, "profile.create", a_request("profile.create", last_name=bird.secret))
        with running_worker(env, tmp_path, settings) as running:
            async with connected(env.gateway_url) as plain:
                await use_as_meant(plain, bird)
                await send_everything(plain, bird, ("profile.create", "auth.login"))
        log = running.log.read_text()

    assert '"level": "debug"' in log
    assert "request failed" in log
    assert not bird.in_(log)
