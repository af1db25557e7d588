"""Which of several nodes the client in TypeScript connects to."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from asyncapi.node import find_node, run
from tests.integration.clients.typescript import PACKAGE, build
from tests.integration.connections import connect
from tests.integration.proxy import behind, proxied
from tests.integration.silent_node import silent_node
from tests.integration.test_event_subscriber import publish
from tests.integration.workers import address_of
from tools.servers.sandbox import Sandbox

# What has to be quick takes less than half of it, also on a machine that is busy.
_CONNECT_MS = 20_000
_SOON_SECONDS = 10.0
NOBODY_LISTENS = "amqp://gateway:gateway@127.0.0.1:1/"
# Connects, says how that went, and closes when it is told to.
PROGRAM = """
import { RpcConnection } from "./dist/reconnecting.js";
const { urls, user, replies, connectTimeoutMs } = JSON.parse(process.argv[1]);
const connection = new RpcConnection(urls, user, "test", connectTimeoutMs, replies);
const began = performance.now();
const say = (outcome) => console.log(JSON.stringify({ ms: performance.now() - began, ...outcome }));
connection.channel().then(
  (channel) => say({ isOpen: channel.isOpen }),
  ({ name, message }) => say({ name, message }),
);
process.stdin.once("data", async () => {
  await connection.close();
  process.stdin.destroy();
});
"""
# Listens in place of that: says when it will hear what is published, and what it hears.
SUBSCRIBER = """
import { EventSubscriber } from "./dist/events.js";
const { urls, connectTimeoutMs } = JSON.parse(process.argv[1]);
const began = performance.now();
const say = (what) => console.log(JSON.stringify({ ms: performance.now() - began, ...what }));
const subscriber = new EventSubscriber(urls, ["profile.updated"], {
  connectTimeoutMs,
  name: "test",
  onGap: () => say({ gaps: subscriber.gaps }),
  onStart: () => true,
  onEnd: () => {},
});
process.stdin.once("data", async () => {
  await subscriber.close();
  process.stdin.destroy();
});
for await (const { id } of subscriber) say({ id });
"""
ORDERS = """
import { ProfileClient } from "./dist/index.js";
const urls = ["amqp://u@a/", "amqp://u@b/", "amqp://u@c/"];
const orders = Array.from({ length: 500 }, () => new ProfileClient(urls).urls.join(" "));
console.log(JSON.stringify([[...new Set(orders)].sort(), urls]));
"""


class Connecting:
    """A Node.js that connects."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def outcome(self) -> dict[str, Any]:
        """Return how it went, or what a subscriber says next."""
        assert self._process.stdout
        async with asyncio.timeout(2 * _CONNECT_MS / 1000):
            said: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return said

    async def close(self) -> None:
        """Have the connection closed; after that nothing may keep the process alive."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(_SOON_SECONDS):
            assert await self._process.wait() == 0


@asynccontextmanager
async def connecting(
    *urls: str,
    program: str = PROGRAM,
    user: str | None = None,
    replies: str = "direct",
    connect_timeout_ms: int = _CONNECT_MS,
) -> AsyncIterator[Connecting]:
    """Connect to one of *urls*, which are tried in this order, and close."""
    await asyncio.to_thread(build)
    of_urls = urlsplit(urls[-1]).username if user is None else user
    plan = {"urls": urls, "user": of_urls, "replies": replies, "connectTimeoutMs": connect_timeout_ms}
    command = (*find_node().node, "--input-type=module", "--eval", program, json.dumps(plan))
    process = await asyncio.create_subprocess_exec(*command, cwd=PACKAGE, stdin=PIPE, stdout=PIPE)
    try:
        client = Connecting(process)
        yield client
        await client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("replies", ["direct", "queue"])
@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
async def test_beside_a_silent_node_the_next_one_is_tried_and_the_silent_one_is_left(
    sandbox: Sandbox, scheme: str, replies: str
) -> None:
    async with (
        silent_node() as silent,
        connecting(silent.url(scheme), sandbox.gateway_url, replies=replies) as client,
    ):
        outcome = await client.outcome()
        await silent.is_left()

    assert outcome["isOpen"]
    assert 400 < outcome["ms"] < 1000 * _SOON_SECONDS
    assert silent.begun == 1


async def test_behind_nodes_that_refuse_the_next_one_is_tried_at_once(sandbox: Sandbox) -> None:
    async with connecting(*[NOBODY_LISTENS] * 19, sandbox.gateway_url) as client:
        outcome = await client.outcome()

    assert outcome["isOpen"]
    assert outcome["ms"] < 5_000  # with a pause behind each it were 9,500


async def test_a_node_that_is_only_slow_is_not_given_up(sandbox: Sandbox) -> None:
    async with silent_node() as silent, proxied(*address_of(sandbox.gateway_url)) as slow:
        slow.freeze()
        async with connecting(behind(slow, sandbox.gateway_url), silent.url()) as client:
            await silent.is_tried()
            slow.mend()
            outcome = await client.outcome()
            await silent.is_left()

    assert outcome["isOpen"]


async def test_where_no_node_lets_us_in_the_last_failure_is_told() -> None:
    async with (
        silent_node() as silent,
        connecting(silent.url(), NOBODY_LISTENS, connect_timeout_ms=1_500) as client,
    ):
        outcome = await client.outcome()
        await silent.is_left()

    assert outcome["name"] == "Disconnected"
    assert outcome["message"] == "The broker did not let us in within 1500 ms."


async def test_a_user_who_may_have_no_queue_of_replies_is_told_so_whichever_node_is_away(
    sandbox: Sandbox,
) -> None:
    for nodes in ((sandbox.gateway_url, NOBODY_LISTENS), (NOBODY_LISTENS, sandbox.gateway_url)):
        async with connecting(*nodes, user="somebody-else", replies="queue") as client:
            refused = await client.outcome()

        assert refused["name"] == "QueueRefused"


async def test_who_closes_while_nodes_are_silent_leaves_them() -> None:
    async with silent_node() as first, silent_node() as second:
        async with connecting(first.url(), second.url()) as client:
            await second.is_tried()
        await first.is_left()
        await second.is_left()
        outcome = await client.outcome()

    assert outcome["message"] == "The client was closed."


async def test_beside_a_silent_node_a_subscriber_hears_from_the_next_one(sandbox: Sandbox) -> None:
    async with (
        silent_node() as silent,
        connecting(silent.url(), sandbox.gateway_url, program=SUBSCRIBER) as subscriber,
    ):
        listening = await subscriber.outcome()
        await silent.is_left()
        heard = await _heard(subscriber, sandbox)

    assert listening["gaps"] == 1
    assert 400 < listening["ms"] < heard["ms"] < 1000 * _SOON_SECONDS
    assert silent.begun == 1


async def test_a_subscriber_that_loses_its_node_tries_another_one_first(sandbox: Sandbox) -> None:
    async with silent_node() as silent, proxied(*address_of(sandbox.gateway_url)) as node:
        urls = behind(node, sandbox.gateway_url), silent.url()
        async with connecting(*urls, program=SUBSCRIBER) as subscriber:
            await subscriber.outcome()
            begun = silent.begun
            node.cut()
            node.mend()
            listening = await subscriber.outcome()

            assert listening["gaps"] == 2
            assert silent.begun == begun + 1
            await _heard(subscriber, sandbox)


async def test_a_subscriber_that_is_closed_while_nodes_are_silent_leaves_them() -> None:
    async with silent_node() as first, silent_node() as second:
        async with connecting(first.url(), second.url(), program=SUBSCRIBER):
            await second.is_tried()
        await first.is_left()
        await second.is_left()


def test_each_client_has_an_order_of_its_own() -> None:
    build()
    done = run((*find_node().node, "--input-type=module", "--eval", ORDERS), PACKAGE, 60)
    orders, given = json.loads(done.stdout)

    assert len(orders) == 6
    assert {tuple(sorted(each.split())) for each in orders} == {tuple(given)}
    assert given == sorted(given)


async def _heard(subscriber: Connecting, sandbox: Sandbox) -> dict[str, Any]:
    """Publish an event, and return what *subscriber* says once it has that."""
    event = str(uuid4())
    async with await connect(sandbox.service_url) as connection:
        await publish(await connection.channel(), event)
    while (said := await subscriber.outcome()).get("id") != event:
        pass  # an event of somebody else
    return said
