"""What both clients make of a line that breaks, of a full queue, and of an end in the middle of something."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from profile_contracts.client import ProfileClient
from profile_contracts.errors import Disconnected, Unroutable
from profile_contracts.profile_api import ProfileApi
from tests.integration.broker import administrating
from tests.integration.clients.node_client import node_client
from tests.integration.clients.subjects import a_sign_up
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

Opened = Callable[[str], AbstractAsyncContextManager[ProfileApi]]
both = pytest.mark.parametrize("opened", [ProfileClient, node_client], ids=["python", "typescript"])


@pytest.fixture(scope="module")
def without_worker(servers: Servers) -> Iterator[Sandbox]:
    """Queues that nobody consumes."""
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


@both
async def test_what_a_full_queue_refuses_is_unroutable(without_worker: Sandbox, opened: Opened) -> None:
    full = {"max-length": 0, "overflow": "reject-publish"}
    policy = {"pattern": "^auth.keys$", "apply-to": "queues", "priority": 99, "definition": full}
    async with administrating(without_worker) as broker, opened(without_worker.gateway_url) as client:
        await asyncio.to_thread(broker.management.put, "policies", broker.vhost, "full", body=policy)

        async def is_full() -> bool:
            queue: dict[str, object] = await broker.look_here("queues", "auth.keys")
            return queue.get("policy") == "full"

        await eventually(is_full, within=20)
        with pytest.raises(Unroutable):
            await client.keys(timeout=10)
        await asyncio.to_thread(broker.management.delete, "policies", broker.vhost, "full")


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
