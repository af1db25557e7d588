"""What both clients make of a line that breaks, of a full queue, and of an end in the middle of something."""

import asyncio
import time
from asyncio import StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import pytest
from aio_pika import ExchangeType, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.auth import LogOut, Scope
from profile_contracts.client import ProfileClient
from profile_contracts.errors import Disconnected, Nacked, Unauthenticated
from profile_contracts.events import EVENTS_EXCHANGE
from profile_contracts.operations import PROFILE_CREATE
from profile_contracts.profile_api import ProfileApi
from profile_contracts.replies import Failure
from profile_contracts.testing import refused
from tests.integration.broker import Broker, administrating
from tests.integration.clients.node_client import node_client
from tests.integration.clients.subjects import a_sign_up
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

Opened = Callable[..., AbstractAsyncContextManager[ProfileApi]]
# More than a channel is given for that refuses all.
LASTING_SECONDS = 4.0
both = pytest.mark.parametrize("opened", [ProfileClient, node_client], ids=["python", "typescript"])


@pytest.fixture(scope="module")
def without_worker(servers: Servers) -> Iterator[Sandbox]:
    """Queues that nobody consumes."""
    with isolated_sandbox(servers) as sandbox:
        yield sandbox


@pytest.fixture
def own_sandbox(servers: Servers) -> Iterator[Sandbox]:
    """A broker where one test may delete what others need."""
    with isolated_sandbox(servers) as sandbox:
        yield sandbox


@both
async def test_a_call_that_may_have_arrived_is_not_told_to_be_unsent_by_what_came_after_it(
    without_worker: Sandbox, opened: Opened
) -> None:
    async with (
        administrating(without_worker) as broker,
        proxied(*address_of(without_worker.gateway_url)) as proxy,
        opened(behind(proxy, without_worker.gateway_url)) as client,
    ):
        await broker.take("profile.create")  # what another test has left there would expire in the middle
        calling = asyncio.ensure_future(client.create_profile(a_sign_up(), timeout=5))

        async def has_arrived() -> bool:
            return await broker.ready("profile.create") > 0

        await eventually(has_arrived)
        proxy.cut()  # and whatever is tried until the end finds nobody there
        with pytest.raises(Disconnected) as failed:
            await calling

    assert failed.value.sent


async def _answer_session_ended(broker: Broker, request: AbstractIncomingMessage) -> None:
    body = Failure(error=refused("session_ended").error).model_dump_json().encode()
    reply = Message(body, correlation_id=request.correlation_id)
    await broker.channel.default_exchange.publish(reply, request.reply_to or "", mandatory=False)


@both
async def test_a_logout_that_comes_again_and_finds_its_session_ended_may_have_ended_it(
    without_worker: Sandbox, opened: Opened
) -> None:
    logout, token = LogOut(scope=Scope.LOCAL), "a.b.c"
    async with (
        administrating(without_worker) as broker,
        proxied(*address_of(without_worker.gateway_url)) as proxy,
        opened(behind(proxy, without_worker.gateway_url)) as client,
    ):
        first = asyncio.ensure_future(client.log_out(logout, token, timeout=30))
        await broker.first("auth.logout")
        proxy.cut()
        proxy.mend()
        await _answer_session_ended(broker, await broker.first("auth.logout"))
        with pytest.raises(Disconnected) as unknown:
            await first
        second = asyncio.ensure_future(client.log_out(logout, token, timeout=30))
        await _answer_session_ended(broker, await broker.first("auth.logout"))
        with pytest.raises(Unauthenticated) as known:
            await second

    assert unknown.value.sent
    assert known.value.reason == "session_ended"


@both
async def test_a_gap_is_told_though_the_attempt_that_made_the_queue_failed(
    own_sandbox: Sandbox, opened: Opened
) -> None:
    name, told = f"gateway.{uuid4().hex}", []

    async def on_gap() -> None:
        told.append(name)

    async with administrating(own_sandbox) as broker, opened(own_sandbox.gateway_url) as client:
        await broker.channel.exchange_delete(EVENTS_EXCHANGE)
        feed = client.events("profile.created", queue=name, on_gap=on_gap)

        async def listen() -> list[str]:
            return [event.id async for event in feed]

        async def is_made() -> bool:
            return name in [each["name"] for each in await broker.look_here("queues")]

        listening = asyncio.create_task(listen())
        await eventually(is_made, within=20)
        await broker.channel.declare_exchange(EVENTS_EXCHANGE, ExchangeType.TOPIC, durable=True)
        async with asyncio.timeout(20):
            await feed.wait_connected()
        await feed.close()
        await listening

    assert told == [name]
    assert feed.gaps == 1


@asynccontextmanager
async def full(broker: Broker, queue: str) -> AsyncIterator[None]:
    """Let *queue* refuse whatever comes."""
    definition = {"max-length": 0, "overflow": "reject-publish"}
    policy = {"pattern": f"^{queue}$", "apply-to": "queues", "priority": 99, "definition": definition}
    await asyncio.to_thread(broker.management.put, "policies", broker.vhost, "full", body=policy)

    async def is_full() -> bool:
        found: dict[str, object] = await broker.look_here("queues", queue)
        return found.get("policy") == "full"

    try:
        await eventually(is_full, within=20)
        yield
    finally:
        await asyncio.to_thread(broker.management.delete, "policies", broker.vhost, "full")


@both
async def test_what_a_full_queue_refuses_is_sent_again_as_long_as_there_is_time(
    without_worker: Sandbox, opened: Opened
) -> None:
    async with administrating(without_worker) as broker, opened(without_worker.gateway_url) as client:
        async with full(broker, "auth.keys"):
            with pytest.raises(Nacked):
                await client.keys(timeout=1)
            asking = asyncio.create_task(client.keys(timeout=30))
        asked = await broker.first("auth.keys")
        reply = Message(b'{"ok": true, "result": {"keys": []}}', correlation_id=asked.correlation_id)
        await broker.channel.default_exchange.publish(reply, asked.reply_to or "")
        assert (await asking).keys == ()


@both
@pytest.mark.usefixtures("worker")
async def test_a_channel_that_refuses_what_another_one_takes_is_given_up(
    sandbox: Sandbox, opened: Opened
) -> None:
    """RabbitMQ 3.10 has such ones where the leader of a queue has died; here the line says so."""
    async with proxied(*address_of(sandbox.gateway_url)) as proxy:

        async def links() -> set[StreamWriter]:
            return {*proxy.links}

        proxy.refuse()
        async with opened(behind(proxy, sandbox.gateway_url)) as client:
            publishing = asyncio.create_task(client.publish(PROFILE_CREATE, a_sign_up(), timeout=60))
            refusing = await eventually(links)
            proxy.mend()  # what is opened from now on
            await publishing
            assert proxy.links - refusing
            assert (await client.keys(timeout=60)).keys


@both
async def test_a_channel_is_kept_though_a_queue_is_full_that_has_taken_something_over_it(
    without_worker: Sandbox, opened: Opened
) -> None:
    """To connect anew would only be more work for the broker."""
    async with (
        administrating(without_worker) as broker,
        proxied(*address_of(without_worker.gateway_url)) as proxy,
        opened(behind(proxy, without_worker.gateway_url), retry=False) as client,
    ):
        await client.publish(PROFILE_CREATE, a_sign_up())
        before, began = {*proxy.links}, time.monotonic()

        async def is_refused_for_long() -> bool:
            with pytest.raises(Nacked):
                await client.publish(PROFILE_CREATE, a_sign_up(), timeout=60)
            return time.monotonic() - began > LASTING_SECONDS

        async with full(broker, "profile.create"):
            assert await eventually(is_refused_for_long)
        after = {*proxy.links}

    assert before == after


async def test_a_timeout_that_is_no_whole_number_of_milliseconds_harms_no_call(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    async with node_client(sandbox.gateway_url, retry=False) as client:
        found = await asyncio.gather(*(client.keys(timeout=each) for each in (10, 10 / 3, 10, 20 / 3)))

    assert all(each.keys for each in found)


async def test_a_process_whose_line_has_gone_silent_ends(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    async with proxied(*address_of(sandbox.gateway_url)) as proxy:
        async with node_client(behind(proxy, sandbox.gateway_url)) as client:
            assert (await client.keys()).keys
            proxy.freeze()
            node = client.driver.process
        proxy.mend()

    assert node.returncode == 0


async def test_a_subscriber_that_is_closed_while_it_tells_of_a_gap_stays_closed(sandbox: Sandbox) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def on_gap() -> None:
        asked.set()
        await released.wait()

    async with node_client(sandbox.gateway_url) as client:
        feed = client.events("profile.created", on_gap=on_gap)

        async def listen() -> list[str]:
            return [event.id async for event in feed]

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(20):
            await asked.wait()
            await feed.close()
            released.set()
            assert await listening == []
        assert not feed.connected
        assert await client.driver.ask("loops") == 0
