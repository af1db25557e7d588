"""MongoDB is away, or silent; a connection breaks; a queue is gone. And then all is well again."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed, Unavailable
from profile_contracts.profiles import GetProfile
from tests.at_length import at_length
from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected, eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.replies import refusal, result
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.workers import address_of, isolated_sandbox, through, working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

IN_DATABASE = (
    "profile.create",
    "profile.get",
    "profile.update",
    "profile.delete",
    "auth.login",
    "post.create",
    "post.get",
    "post.update",
    "post.delete",
    "post.list",
)


@dataclass(frozen=True, slots=True)
class ProxiedEnv:
    """A worker behind a proxy to MongoDB, and who speaks to it."""

    sandbox: Sandbox
    worker: Worker
    proxy: Proxy
    broker: Broker
    gateway: Gateway
    person: dict[str, Any]
    token: str

    def request(self, operation: str) -> dict[str, Any]:
        """Return a request that gets as far as the database."""
        body = a_request(operation)
        return {**body, "id": self.person["id"]} if "id" in body else body

    async def ask(self, operation: str) -> dict[str, Any]:
        """Send that request."""
        return await self.gateway.ask(operation, self.request(operation), token=self.token)


@pytest_asyncio.fixture(scope="module")
async def env(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProxiedEnv]:
    """A sandbox of our own, because here things break."""
    folder: Path = tmp_path_factory.mktemp("outages")
    with isolated_sandbox(servers) as sandbox:
        async with (
            proxied(*address_of(sandbox.mongo_url)) as proxy,
            working(
                sandbox, folder, {**settings_for(sandbox), "MONGO_URL": through(proxy, sandbox.mongo_url)}
            ) as worker,
            administrating(sandbox) as broker,
            connected(sandbox.gateway_url) as plain,
        ):
            asked = a_request("profile.create")
            person = result(await plain.ask("profile.create", asked))
            login = {"email": asked["email"], "password": asked["password"]}
            tokens = result(await plain.ask("auth.login", login))
            yield ProxiedEnv(sandbox, worker, proxy, broker, plain, person, tokens["access_token"])


@pytest.fixture(params=["freeze", *at_length("cut")])
def outage(request: pytest.FixtureRequest, env: ProxiedEnv) -> Any:
    """Break the way to MongoDB for the time of a test: refused at once, or silent."""
    return getattr(env.proxy, request.param)


async def _ask_by_client(env: ProxiedEnv) -> Exception | None:
    """Return what the typed client raises."""
    async with ProfileClient(env.sandbox.gateway_url, timeout=10, retry=False) as client:
        try:
            await client.get_profile(GetProfile(id=UUID(env.person["id"])), env.token)
        except CallFailed as error:
            return error
    return None


async def test_without_mongodb_requests_are_refused_in_time_and_may_be_tried_again(
    env: ProxiedEnv, outage: Any
) -> None:
    before = {operation: len(await env.broker.dead_letters(operation)) for operation in OPERATIONS}
    outage()
    started = time.monotonic()
    asking_by_client = asyncio.ensure_future(_ask_by_client(env))
    replies = await asyncio.gather(*(env.ask(operation) for operation in IN_DATABASE))
    seconds = time.monotonic() - started
    keys = await env.ask("auth.keys")
    by_client = await asyncio.wait_for(asking_by_client, 10)
    env.proxy.mend()

    for reply in replies:
        assert refusal(reply) == ("unavailable", "database_unavailable")
        assert reply["error"]["retryable"] is True
    assert seconds < 6
    assert isinstance(by_client, Unavailable)
    assert result(keys)

    async def works_again() -> bool:
        return bool((await env.ask("profile.get"))["ok"])

    assert await eventually(works_again, within=60)
    assert result(await env.ask("profile.update"))
    assert (await env.ask("auth.login"))["error"]["reason"] == "invalid_credentials"
    after = {operation: len(await env.broker.dead_letters(operation)) for operation in OPERATIONS}
    assert after == before


async def test_a_fire_and_forget_command_is_carried_out_once_mongodb_is_back(
    env: ProxiedEnv, outage: Any
) -> None:
    async with connected(env.sandbox.service_url, exchange="") as service:
        outage()
        # By the right of a trusted service, which has to be known still when it is tried again.
        change = {"id": env.person["id"], "last_name": f"Later {uuid4().hex[:8]}"}
        await service.tell("profile.update", change, message_id=uuid4().hex, delivery_mode=2)

        async def it_waits() -> bool:
            queue = await service.channel.declare_queue("profile.retry.5s", passive=True)
            return bool(queue.declaration_result.message_count)

        assert await eventually(it_waits, within=60)
        env.proxy.mend()

        async def is_done() -> bool:
            reply = await env.ask("profile.get")
            return bool(reply["ok"]) and reply["result"]["last_name"] == change["last_name"]

        assert await eventually(is_done, within=30)
    assert await env.broker.dead_letters("profile.update") == []


@pytest.mark.parametrize("purpose", ["publish", "reply", "consume"])
async def test_a_lost_connection_leaves_no_command_without_an_answer(env: ProxiedEnv, purpose: str) -> None:
    broker, gateway = env.broker, env.gateway
    (connection,) = await eventually(lambda: broker.connections(f" {purpose}"))
    commands, queries = (
        [
            asyncio.ensure_future(gateway.ask(operation, env.request(operation), token=env.token))
            for operation in operations * 8
        ]
        for operations in (("profile.create", "auth.login"), ("profile.get", "auth.keys"))
    )
    # As soon as the first replies are there, others are in the making.
    await asyncio.wait([*commands, *queries], return_when=asyncio.FIRST_COMPLETED)
    await broker.close_connection(connection["name"])
    replies = await asyncio.gather(*commands)
    outcomes = Counter("ok" if each["ok"] else each["error"]["reason"] for each in replies)

    # A command that is carried out again has its effect once: none finds its own address taken.
    assert outcomes.keys() <= {"ok", "invalid_credentials"}
    assert outcomes["invalid_credentials"] == 8

    # Replies to queries are not confirmed: those on their way may be lost, and one asks again.
    for each in queries:
        each.cancel()
    await asyncio.gather(*queries, return_exceptions=True)
    again = await asyncio.gather(*(env.ask(operation) for operation in ("profile.get", "auth.keys") * 8))

    assert all(each["ok"] for each in again)

    async def settled() -> bool:
        queues = [await broker.look_here("queues", each) for each in OPERATIONS]
        return all(each.get("messages") == 0 and each.get("consumers") == 1 for each in queues)

    assert await eventually(settled, within=60)
    assert env.worker.process.poll() is None


async def test_a_missing_dead_letter_queue_holds_its_letters_back_until_it_is_there(env: ProxiedEnv) -> None:
    broker, gateway = env.broker, env.gateway
    await broker.channel.queue_delete("profile.malformed.dlq")
    for number in range(3):
        await gateway.tell("auth.keys", b"no JSON", correlation_id=f"held-{number}")

    assert result(await env.ask("auth.keys"))

    quorum: dict[str, Any] = {"x-queue-type": "quorum"}
    await broker.channel.declare_queue("profile.malformed.dlq", durable=True, arguments=quorum)
    for number in range(3):
        letter = await broker.dead_letter("profile.malformed", f"held-{number}")

        assert json.loads(letter.body) == {}
    assert [gateway.replies_to(f"held-{number}") for number in range(3)] == [0, 0, 0]
