"""The typed client with a queue of its own for replies: what outlives a lost connection, what does not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from profile_contracts.client import ProfileClient, replies
from profile_contracts.errors import Disconnected, NoReply, NotSent, QueueRefused
from profile_contracts.operations import AUTH_KEYS
from profile_contracts.profile_api import ProfileApi
from tests.integration.broker import Broker, administrating
from tests.integration.clients.node_client import node_client
from tests.integration.connections import connect
from tests.integration.gateway import Gateway, eventually
from tests.integration.proxy import Proxy, behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

KEYS = b'{"ok":true,"result":{"keys":[]}}'


@pytest.fixture(scope="module")
def servers_without_worker(servers: Servers) -> Iterator[Sandbox]:
    """Queues that no worker consumes."""
    with isolated_sandbox(servers) as sandbox:
        yield sandbox


@dataclass(slots=True)
class Responder:
    """Answers when it is told to."""

    channel: AbstractChannel
    requests: asyncio.Queue[AbstractIncomingMessage] = field(default_factory=asyncio.Queue)

    async def request(self) -> AbstractIncomingMessage:
        """Return the next request."""
        async with asyncio.timeout(20):
            return await self.requests.get()

    async def answer(self, request: AbstractIncomingMessage) -> None:
        """Answer *request*; return when the broker has it."""
        reply = Message(KEYS, correlation_id=request.correlation_id)
        await self.channel.default_exchange.publish(reply, request.reply_to or "", mandatory=False)


@dataclass(slots=True)
class Stage:
    """A client behind a proxy, and what answers it."""

    client: ProfileApi
    proxy: Proxy
    responder: Responder
    broker: Broker

    async def a_call_in_flight(self) -> tuple[asyncio.Task[Any], AbstractIncomingMessage]:
        """Return a call, and its request, which has arrived and is not answered yet.

        The client has the broker's confirm, too, or a line that breaks would end the call: one that is asked
        and answered next is confirmed after it.
        """
        call = asyncio.create_task(self.client.keys())
        request = await self.responder.request()
        next_one = asyncio.create_task(self.client.keys())
        await self.responder.answer(await self.responder.request())
        await next_one
        return call, request

    async def an_acknowledgement(self, queue: str) -> None:
        """Wait until the broker counts one of *queue*: what is not acknowledged comes again after a cut."""

        async def is_counted() -> bool:
            found = await self.broker.look_here("queues", queue)
            return bool(found.get("message_stats", {}).get("ack"))

        assert await eventually(is_counted)

    async def queue_is_gone(self, queue: str) -> bool:
        return queue not in [each["name"] for each in await self.broker.look_here("queues")]


MakeClient = Callable[[str, bool], AbstractAsyncContextManager[ProfileApi]]


def python_client(url: str, retry: bool) -> AbstractAsyncContextManager[ProfileApi]:  # noqa: FBT001
    return ProfileClient(url, timeout=30, retry=retry, replies="queue")


def typescript_client(url: str, retry: bool) -> AbstractAsyncContextManager[ProfileApi]:  # noqa: FBT001
    return node_client(url, retry=retry, replies="queue")


@asynccontextmanager
async def staged(
    sandbox: Sandbox, make: MakeClient = python_client, *, retry: bool = False
) -> AsyncIterator[Stage]:
    async with (
        administrating(sandbox) as broker,
        await connect(sandbox.admin_url) as connection,
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        make(behind(proxy, sandbox.gateway_url), retry) as client,
    ):
        responder = Responder(await connection.channel())
        queue = await responder.channel.get_queue(AUTH_KEYS.queue, ensure=False)
        await queue.consume(responder.requests.put, no_ack=True)
        yield Stage(client, proxy, responder, broker)


either = pytest.mark.parametrize("make", [python_client, typescript_client])


@pytest_asyncio.fixture(params=[python_client, typescript_client])
async def stage(servers_without_worker: Sandbox, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A client that does not ask again."""
    async with staged(servers_without_worker, request.param) as one:
        yield one


async def test_the_rights_of_a_gateway_suffice_and_nothing_is_left_at_the_end(
    sandbox: Sandbox, worker: Worker, broker: Broker
) -> None:
    assert worker.process.poll() is None

    async def queues() -> list[dict[str, Any]]:
        found = await broker.look_here("queues")
        ours = [each for each in found if each["name"].startswith("gateway.replies.")]
        return [each for each in ours if each["name"] not in before]

    before = set[str]()  # those of clients that were not closed wait for their expiry
    before |= {each["name"] for each in await queues()}
    async with ProfileClient(sandbox.gateway_url, timeout=10, replies="queue") as client:
        found = await asyncio.gather(*(client.keys() for _ in range(100)))
        (queue,) = await eventually(queues)

    assert all(each.keys for each in found)
    assert (queue["type"], queue["durable"], queue["exclusive"]) == ("classic", True, False)
    assert queue["arguments"] == {
        "x-queue-type": "classic",
        "x-expires": 60_000,
        "x-max-length": 10_000,
        "x-max-length-bytes": 2**26,
    }

    async def none_is_left() -> bool:
        return not await queues()

    assert await eventually(none_is_left)


async def test_a_reply_that_comes_while_the_line_is_cut_is_there_after_the_reconnect(stage: Stage) -> None:
    call, request = await stage.a_call_in_flight()
    await stage.an_acknowledgement(request.reply_to or "")
    stage.proxy.cut()
    await stage.responder.answer(request)

    async def waits() -> int:
        return await stage.broker.ready(request.reply_to or "")

    assert await eventually(waits) == 1
    assert not call.done()
    stage.proxy.mend()

    assert (await call).keys == ()
    assert stage.responder.requests.empty()  # it was not asked again


async def test_a_reply_that_was_on_its_way_when_the_line_broke_comes_again(stage: Stage) -> None:
    call, request = await stage.a_call_in_flight()
    await stage.an_acknowledgement(request.reply_to or "")
    stage.proxy.freeze()
    await stage.responder.answer(request)

    async def is_on_its_way() -> bool:
        found = await stage.broker.look_here("queues", request.reply_to or "")
        return bool(found.get("messages_unacknowledged") == 1)

    assert await eventually(is_on_its_way)
    stage.proxy.cut()
    stage.proxy.mend()

    assert (await call).keys == ()


async def test_the_same_queue_serves_later_calls(stage: Stage) -> None:
    call, first = await stage.a_call_in_flight()
    stage.proxy.cut()
    stage.proxy.mend()
    await stage.responder.answer(first)
    await call
    call, second = await stage.a_call_in_flight()
    await stage.responder.answer(second)
    await call

    assert first.reply_to == second.reply_to


async def test_replies_come_to_the_new_connection_though_the_broker_still_has_the_old_one(
    stage: Stage, servers_without_worker: Sandbox
) -> None:
    call, first = await stage.a_call_in_flight()

    async def is_on_its_way() -> bool:
        found = await stage.broker.look_here("queues", first.reply_to or "")
        return bool(found.get("messages_unacknowledged") == 1)

    async with await connect(servers_without_worker.gateway_url) as old:
        # As a consumer of ours would be that the broker has not missed yet.
        queue = await (await old.channel()).get_queue(first.reply_to or "", ensure=False)
        await queue.consume(asyncio.Queue[Any]().put, arguments={"x-priority": 1})
        stage.proxy.cut()
        await stage.responder.answer(first)
        assert await eventually(is_on_its_way)
        stage.proxy.mend()
        for _ in range(10):
            later, request = await stage.a_call_in_flight()
            await stage.responder.answer(request)
            async with asyncio.timeout(5):
                assert (await later).keys == ()
        assert not call.done()

    assert (await call).keys == ()


async def test_a_queue_without_its_client_expires_and_who_waits_is_told(
    servers_without_worker: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replies._ARGUMENTS, "x-expires", 500)  # noqa: SLF001 - a minute is long
    async with staged(servers_without_worker) as stage:
        call, request = await stage.a_call_in_flight()
        stage.proxy.cut()
        assert await eventually(lambda: stage.queue_is_gone(request.reply_to or ""))
        stage.proxy.mend()
        with pytest.raises(Disconnected) as lost:
            await call
        call, another = await stage.a_call_in_flight()
        await stage.responder.answer(another)

        assert lost.value.sent is True
        assert (await call).keys == ()
        assert another.reply_to != request.reply_to


@either
async def test_where_the_queue_is_deleted_calls_are_sent_again_under_their_key(
    servers_without_worker: Sandbox, make: MakeClient
) -> None:
    async with staged(servers_without_worker, make, retry=True) as stage:
        call, request = await stage.a_call_in_flight()
        await stage.broker.channel.queue_delete(request.reply_to or "")
        again = await stage.responder.request()
        await stage.responder.answer(again)

        assert (await call).keys == ()
        assert (again.message_id, again.reply_to != request.reply_to) == (request.message_id, True)


async def test_a_late_reply_harms_nobody(stage: Stage) -> None:
    call, request = await stage.a_call_in_flight()
    await stage.responder.answer(request)
    await call
    with pytest.raises(NoReply):
        await stage.client.keys(timeout=0.5)
    late = await stage.responder.request()
    call, request = await stage.a_call_in_flight()
    await stage.responder.answer(late)
    await stage.responder.answer(request)

    assert (await call).keys == ()

    async def is_empty() -> bool:
        return not await stage.broker.ready(request.reply_to or "")

    assert await eventually(is_empty)


async def test_calls_in_flight_when_the_client_closes_are_disconnected_and_the_queue_is_deleted(
    servers_without_worker: Sandbox,
) -> None:
    async with staged(servers_without_worker) as stage:
        call, request = await stage.a_call_in_flight()
        assert isinstance(stage.client, ProfileClient)
        await stage.client.__aexit__(None, None, None)
        with pytest.raises(Disconnected):
            await call
        with pytest.raises(NotSent):
            await stage.client.keys()

        assert await eventually(lambda: stage.queue_is_gone(request.reply_to or ""))


@either
async def test_a_client_that_waits_for_a_reply_can_be_closed_while_the_broker_is_away(
    servers_without_worker: Sandbox, make: MakeClient
) -> None:
    async with asyncio.timeout(30), staged(servers_without_worker, make) as stage:
        call, _ = await stage.a_call_in_flight()
        stage.proxy.cut()
        began = time.monotonic()

    assert time.monotonic() - began < 10
    with pytest.raises(Disconnected):
        await call


@either
async def test_a_user_without_the_right_is_told_so(sandbox: Sandbox, make: MakeClient) -> None:
    """`profile-service` may have no queues that begin with its name."""
    with pytest.raises(QueueRefused):
        async with make(sandbox.service_url, False) as client:  # noqa: FBT003
            await client.keys()


async def test_no_reply_is_written_to_the_queue_of_another_users_replies(
    gateway: Gateway, broker: Broker
) -> None:
    correlation_id = uuid4().hex
    queue = await broker.channel.declare_queue(f"other.replies.{uuid4().hex}", exclusive=True)
    await gateway.tell("auth.keys", {}, reply_to=queue.name, correlation_id=correlation_id)
    letter = await broker.dead_letter("profile.malformed", correlation_id)

    assert letter.headers["x-error-reason"] == "reply_to_refused"
    assert await broker.ready(queue.name) == 0


def test_a_way_for_replies_that_is_none_is_refused() -> None:
    way: Any = "pigeon"
    with pytest.raises(ValueError, match="Replies"):
        ProfileClient("amqp://gateway:gateway@127.0.0.1/", replies=way)
    with pytest.raises(ValueError, match="user"):
        ProfileClient("amqp://127.0.0.1/", replies="queue")
