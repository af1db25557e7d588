"""A client that knows several nodes of a broker, of which some hang or are away."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from yarl import URL

from profile_contracts.client import ProfileClient, rpc
from profile_contracts.client.event_subscriber import EventSubscriber
from profile_contracts.client.replies import ReplyMode
from tests.integration.proxy import behind, proxied
from tests.integration.silent_node import silent_node
from tests.integration.workers import address_of
from tools.servers.processes import free_port
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

# A node that says nothing would be waited for as long as that, in seconds; half of it is enough for the next
# one on a machine that does much else.
CONNECT_TIMEOUT = 60.0
SOON = 30.0
CLIENTS = 20
# What a client says first.
HEADER = b"AMQP\x00\x00\x09\x01"


@pytest.fixture
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try nodes in the order in which they are named."""
    monkeypatch.setattr(rpc, "_shuffled", list)


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize("replies", ["direct", "queue"])
async def test_beside_a_silent_node_the_next_one_is_tried_and_the_silent_one_is_left(
    sandbox: Sandbox, worker: Worker, replies: ReplyMode
) -> None:
    assert worker.process.poll() is None
    async with silent_node() as silent:
        urls = [silent.url(), sandbox.gateway_url]
        began = time.monotonic()
        async with ProfileClient(urls, connect_timeout=CONNECT_TIMEOUT, replies=replies) as client:
            took = time.monotonic() - began
            await silent.is_left()

            assert (await client.keys()).keys

    assert (silent.begun, silent.said) == (1, HEADER)
    assert took < SOON


@pytest.mark.usefixtures("_in_order")
async def test_after_a_node_that_is_away_the_next_one_is_tried(sandbox: Sandbox, worker: Worker) -> None:
    assert worker.process.poll() is None
    urls = [f"amqp://gateway:gateway@127.0.0.1:{free_port()}/", sandbox.gateway_url]
    began = time.monotonic()
    async with ProfileClient(urls, connect_timeout=CONNECT_TIMEOUT) as client:
        took = time.monotonic() - began

        assert (await client.keys()).keys

    assert took < SOON


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize("replies", ["direct", "queue"])
async def test_a_client_that_loses_its_node_while_the_next_one_is_silent_goes_on_over_another(
    sandbox: Sandbox, worker: Worker, replies: ReplyMode
) -> None:
    assert worker.process.poll() is None
    async with (
        proxied(*address_of(sandbox.gateway_url)) as one,
        proxied(*address_of(sandbox.gateway_url)) as other,
    ):
        urls = [behind(each, sandbox.gateway_url) for each in (one, other)]
        async with ProfileClient(urls, connect_timeout=CONNECT_TIMEOUT, replies=replies) as client:
            assert (await client.keys()).keys
            other.freeze()
            one.cut()
            one.mend()

            assert (await client.keys(timeout=SOON)).keys
            assert one.links
        other.mend()


async def test_a_subscriber_passes_a_silent_node_too(sandbox: Sandbox) -> None:
    async with silent_node() as silent:
        urls = [URL(silent.url()), URL(sandbox.gateway_url)]
        subscriber = EventSubscriber(urls, ["profile.*"], connect_timeout=CONNECT_TIMEOUT)
        async with subscriber, asyncio.TaskGroup() as listening:
            listening.create_task(anext(aiter(subscriber), None))
            async with asyncio.timeout(SOON):
                await subscriber.wait_connected()
            await silent.is_left()
            await subscriber.close()

    assert (silent.begun, silent.said) == (1, HEADER)


async def test_clients_spread_over_the_nodes(sandbox: Sandbox) -> None:
    """One in half a million runs fails by chance."""
    async with (
        proxied(*address_of(sandbox.gateway_url)) as one,
        proxied(*address_of(sandbox.gateway_url)) as other,
        AsyncExitStack() as stack,
    ):
        urls = [behind(each, sandbox.gateway_url) for each in (one, other)]
        for _ in range(CLIENTS):
            await stack.enter_async_context(ProfileClient(urls))

        assert one.links
        assert other.links


async def test_a_client_that_is_closed_while_it_connects_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    async with silent_node() as one, silent_node() as other:
        urls = [each.url() for each in (one, other)]
        client = ProfileClient(urls)
        entering = asyncio.create_task(client.__aenter__())
        await one.is_tried()
        await other.is_tried()
        await client.__aexit__(None, None, None)
        await asyncio.wait([entering])
        ours = {each for each in asyncio.all_tasks() - before if "profile_contracts" in repr(each)}
        await one.is_left()
        await other.is_left()

    assert ours == set()
    assert entering.exception() is not None
