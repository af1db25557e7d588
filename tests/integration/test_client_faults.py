"""What the typed client does where the line, the broker or the caller is at fault."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import aio_pika
import pytest

from profile_contracts.client import ProfileClient
from profile_contracts.client.replies import ReplyMode
from profile_contracts.errors import Disconnected, NoReply, NotSent, UnreadableReply
from profile_contracts.operations import AUTH_KEYS
from profile_contracts.profiles import GetProfile
from tests.integration.broker import Broker
from tests.integration.conftest import Person
from tests.integration.connections import connect
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

NOBODY_LISTENS = "amqp://gateway:gateway@127.0.0.1:1/"


@pytest.fixture(scope="module")
def servers_without_worker(servers: Servers) -> Iterator[Sandbox]:
    """Queues that nobody consumes."""
    with isolated_sandbox(servers) as sandbox:
        yield sandbox


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf"), 86_401.0, 1e300])
def test_a_timeout_out_of_bounds_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        ProfileClient(NOBODY_LISTENS, timeout=timeout)


async def test_a_broker_that_refuses_is_disconnected_and_nothing_was_sent() -> None:
    with pytest.raises(Disconnected) as refused:
        async with ProfileClient(NOBODY_LISTENS):
            pass

    assert refused.value.sent is False


@pytest.mark.parametrize("urls", [[], [NOBODY_LISTENS, "amqp://other:other@127.0.0.1:1/"]])
def test_addresses_that_are_none_or_of_several_users_are_refused(urls: list[str]) -> None:
    with pytest.raises(ValueError, match="one user"):
        ProfileClient(urls)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "localhost",
            "amqp://",
            "http://u:canary@h/",
            "amqp://u:canary@h:port/",
            "amqp://u:canary@[::1/",
        ),
        "amqp://u:canary\N{ACCOUNT OF}@h/",  # which Python calls invalid, and quotes
    ],
)
def test_an_address_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="begins with amqp://") as refused:
        ProfileClient(url)

    assert "canary" not in str(refused.value)
    assert refused.value.__context__ is None


async def test_where_one_node_is_away_calls_and_events_go_over_the_next(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    async with (
        ProfileClient([NOBODY_LISTENS, sandbox.gateway_url], timeout=10) as client,
        client.events("profile.*") as events,
    ):
        listening = asyncio.ensure_future(anext(aiter(events)))
        async with asyncio.timeout(10):
            await events.wait_connected()
        listening.cancel()

        assert (await client.keys()).keys


@pytest.mark.parametrize("url", ["amqp://gateway:wrong@{}/", "amqp://gateway:gateway@{}/nowhere"])
async def test_a_broker_that_lets_nobody_in_is_disconnected(sandbox: Sandbox, url: str) -> None:
    host, port = address_of(sandbox.gateway_url)
    with pytest.raises(Disconnected) as refused:
        async with ProfileClient(url.format(f"{host}:{port}")):
            pass

    assert refused.value.sent is False
    assert "wrong" not in str(refused.value)


@asynccontextmanager
async def _silent_listener() -> AsyncIterator[int]:
    """Accept connections, and say nothing."""
    ended = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]
        ended.set()


async def test_a_broker_that_says_nothing_is_given_up_at_the_connect_timeout() -> None:
    async with _silent_listener() as port:
        began = time.monotonic()
        with pytest.raises(Disconnected) as silent:
            async with ProfileClient(f"amqp://gateway:gateway@127.0.0.1:{port}/", connect_timeout=0.5):
                pass

    assert silent.value.sent is False
    assert time.monotonic() - began < 5


async def test_who_gives_up_while_a_client_connects_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    async with _silent_listener() as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), ProfileClient(f"amqp://gateway:gateway@127.0.0.1:{port}/"):
                pass
        ours = {each for each in asyncio.all_tasks() - before if "profile_contracts" in repr(each)}

    assert ours == set()


async def test_a_call_to_a_broker_that_says_nothing_has_no_reply_in_time() -> None:
    async with _silent_listener() as port:
        client = ProfileClient(f"amqp://gateway:gateway@127.0.0.1:{port}/", timeout=0.5)
        try:
            with pytest.raises(NoReply):
                await client.keys()
        finally:
            await client.__aexit__(None, None, None)


async def test_calls_that_wait_for_a_connection_when_the_client_closes_are_disconnected() -> None:
    async with _silent_listener() as port:
        client = ProfileClient(f"amqp://gateway:gateway@127.0.0.1:{port}/", timeout=30)
        calls = [asyncio.ensure_future(client.keys()) for _ in range(5)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await client.__aexit__(None, None, None)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(each) for each in outcomes] == [Disconnected] * 5
    assert not any(each.sent for each in outcomes if isinstance(each, Disconnected))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "token",
    ["", "x" * 200_000, "x" + "=" * 200_000, "\ud800", "täken", "two words", "line\r\nfeed", "\0"],
)
async def test_what_is_no_token_is_not_sent_and_harms_no_other_call(
    sandbox: Sandbox, worker: Worker, ada: Person, token: str
) -> None:
    assert worker.process.poll() is None
    ask = GetProfile(id=UUID(ada["id"]))
    async with ProfileClient(sandbox.gateway_url, timeout=10) as client:
        others = [asyncio.ensure_future(client.get_profile(ask, ada["token"])) for _ in range(20)]
        with pytest.raises(NotSent):
            await client.get_profile(ask, token)
        found = await asyncio.gather(*others)

    assert {each.id for each in found} == {ask.id}


async def test_a_body_over_the_limit_is_not_sent_and_harms_no_other_call(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.gateway_url, timeout=10) as client:
        others = [asyncio.ensure_future(client.keys()) for _ in range(20)]
        with pytest.raises(NotSent):
            await client.exchange(AUTH_KEYS, b" " * 20_000_000)
        found = await asyncio.gather(*others)

    assert all(each.keys for each in found)


async def test_a_closed_client_stays_closed(sandbox: Sandbox, worker: Worker, broker: Broker) -> None:
    assert worker.process.poll() is None
    name = f"closed-{uuid4().hex}"
    async with ProfileClient(sandbox.gateway_url, name=name) as client:
        assert (await client.keys()).keys

    with pytest.raises(NotSent):
        await client.keys()

    async def is_gone() -> bool:
        return not await broker.connections(name)

    assert await eventually(is_gone)


async def test_calls_in_flight_when_the_client_closes_are_disconnected(
    sandbox: Sandbox, worker: Worker
) -> None:
    async with proxied(*address_of(sandbox.gateway_url)) as proxy:
        assert worker.process.poll() is None
        async with ProfileClient(behind(proxy, sandbox.gateway_url), timeout=30) as client:
            assert (await client.keys()).keys
            proxy.freeze()
            calls = [asyncio.ensure_future(client.keys()) for _ in range(5)]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(each) for each in outcomes} == {Disconnected}


@pytest.mark.parametrize("replies", ["direct", "queue"])
@pytest.mark.parametrize("fault", ["cut", "reset"])
async def test_whatever_breaks_the_line_calls_are_answered_or_disconnected(
    sandbox: Sandbox, worker: Worker, fault: str, replies: ReplyMode
) -> None:
    """Aiormq cancels who waits for the broker: nobody may take that for a cancellation of the call."""
    assert worker.process.poll() is None
    async with (
        proxied(*address_of(sandbox.gateway_url)) as proxy,
        ProfileClient(behind(proxy, sandbox.gateway_url), timeout=10, retry=False, replies=replies) as client,
    ):
        for _ in range(10):
            assert await eventually(lambda: _works(client))
            calls = [asyncio.ensure_future(client.keys()) for _ in range(50)]
            await asyncio.sleep(0)
            getattr(proxy, fault)()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            proxy.mend()
            wrong = [each for each in outcomes if isinstance(each, BaseException)]

            assert {type(each) for each in wrong} <= {Disconnected}


async def _works(client: ProfileClient) -> bool:
    try:
        return bool((await client.keys()).keys)
    except Disconnected:
        return False


async def test_a_call_that_is_cancelled_is_cancelled_and_harms_no_other(
    sandbox: Sandbox, worker: Worker
) -> None:
    assert worker.process.poll() is None
    async with ProfileClient(sandbox.gateway_url, timeout=10) as client:
        calls = [asyncio.ensure_future(client.keys()) for _ in range(20)]
        await asyncio.sleep(0)
        calls[0].cancel()
        first, *others = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(first, asyncio.CancelledError)
    assert not [each for each in others if isinstance(each, BaseException)]


async def test_a_reply_that_is_none_is_unreadable_and_not_quoted(servers_without_worker: Sandbox) -> None:
    sandbox = servers_without_worker
    async with (
        await connect(sandbox.admin_url) as connection,
        ProfileClient(sandbox.gateway_url) as client,
    ):
        channel = await connection.channel()

        async def answer(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            body = b'{"ok": true, "result": {"secret": "hunter2"}}'
            reply = aio_pika.Message(body, correlation_id=message.correlation_id)
            await channel.default_exchange.publish(reply, message.reply_to or "")

        queue = await channel.get_queue("auth.keys")
        await queue.consume(answer, no_ack=True)
        with pytest.raises(UnreadableReply) as unreadable:
            await client.keys()

    assert "hunter2" not in repr(unreadable.value)
    assert unreadable.value.__cause__ is None
