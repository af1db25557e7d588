"""The worker dies, and the broker and the database are away, under a gateway built on each client.

No call takes longer than its deadline, no command is carried out twice, and all is well by itself ten seconds
after the server is back.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed
from profile_contracts.posts import CreatePost, ListPosts
from profile_contracts.profile_api import ProfileApi
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tests.faults.killed_mongodb import own_mongodb
from tests.integration.clients.node_client import node_client
from tests.integration.clients.subjects import PASSWORD, a_sign_up
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox, through, working
from tools.servers import Servers
from tools.servers.binaries import find_or_install
from tools.servers.hosts import Host
from tools.servers.local_rabbitmq import SECONDS_TO_START
from tools.servers.processes import private_processes
from tools.servers.rabbitmq_cluster import start_rabbitmq_cluster
from tools.servers.sandbox import sandbox

OpenClient = Callable[[str], AbstractAsyncContextManager[ProfileApi]]

TIMEOUT = 3.0
# How much later than its deadline a call may be seen to end, on a machine that does much else.
LATE = 2.0
BACK = 10.0
AWAY = 2.0


@asynccontextmanager
async def python_client(url: str) -> AsyncIterator[ProfileApi]:
    async with ProfileClient(url) as client:
        yield client


@dataclass(slots=True)
class Writer:
    """A gateway that writes posts, one after the other, each until it is there.

    Attributes:
        written: How many are.
        longest: How long the longest call took, in seconds.

    """

    api: ProfileApi
    token: str
    written: int = 0
    longest: float = 0.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        while not self.stopping.is_set():
            post, key = CreatePost(title=f"Note {self.written}", body="It weaves."), uuid4().hex
            while not await self._try(post, key):
                pass
            self.written += 1

    async def _try(self, post: CreatePost, key: str) -> bool:
        began = time.monotonic()
        try:
            await self.api.create_post(post, self.token, idempotency_key=key, timeout=TIMEOUT)
        except CallFailed as failure:
            if not failure.retryable:
                raise
            return False
        finally:
            self.longest = max(self.longest, time.monotonic() - began)
        return True

    async def goes_on(self) -> None:
        """Wait until more is written, for ten seconds at most."""
        before = self.written

        async def more() -> bool:
            return self.written > before + 1

        await eventually(more, within=BACK)


@asynccontextmanager
async def writing(api: ProfileApi) -> AsyncIterator[Writer]:
    """Let one write; at the end, each post is there once, and no call took longer than it may."""
    profile = await api.create_profile(a_sign_up())
    token = (await api.log_in(LogIn(email=profile.email, password=PASSWORD))).access_token
    writer = Writer(api, token)
    task = asyncio.create_task(writer.run())
    await writer.goes_on()
    yield writer
    writer.stopping.set()
    await task
    titles = [each async for each in _titles(api)]
    assert sorted(titles) == sorted(f"Note {each}" for each in range(writer.written))
    assert writer.longest < TIMEOUT + LATE


@pytest.mark.at_length
@pytest.mark.parametrize("open_client", [python_client, node_client])
async def test_a_gateway_outlives_the_worker_the_broker_and_the_database(
    open_client: OpenClient, servers: Servers, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        box = stack.enter_context(isolated_sandbox(servers))
        broker = await stack.enter_async_context(proxied(*address_of(box.gateway_url)))
        database = await stack.enter_async_context(proxied(*address_of(box.mongo_url)))
        settings = {**settings_for(box), "MONGO_URL": through(database, box.mongo_url)}
        worker = await stack.enter_async_context(working(box, tmp_path, settings, "first"))
        api = await stack.enter_async_context(open_client(behind(broker, box.gateway_url)))
        async with writing(api) as writer:
            for server in (broker, database):
                for fault in (server.cut, server.freeze):
                    fault()
                    await asyncio.sleep(AWAY)
                    server.mend()
                    await writer.goes_on()

            worker.process.send_signal(signal.SIGKILL)
            await stack.enter_async_context(working(box, tmp_path, settings, "second"))
            await writer.goes_on()
            assert writer.written


@pytest.mark.at_length
@pytest.mark.parametrize("open_client", [python_client, node_client])
async def test_a_gateway_outlives_a_broker_and_a_database_that_are_killed(
    open_client: OpenClient, servers: Servers, tmp_path: Path
) -> None:
    """The servers themselves, and not lines to them: what each has on its disk is all that is left of it."""
    program = find_or_install(["rabbitmq-server"], print)["rabbitmq-server"]
    async with AsyncExitStack() as stack:
        processes = stack.enter_context(private_processes())
        mongodb = stack.enter_context(own_mongodb())
        (broker,), (node,) = start_rabbitmq_cluster(processes, program, [Host()])
        own = replace(
            servers,
            rabbitmq_url=f"amqp://guest:guest@{broker.address}",
            management_url=node.management_url,
            mongo_url=mongodb.url,
        )
        corner = stack.enter_context(sandbox(own, definitions(topology())))
        await stack.enter_async_context(working(corner, tmp_path, settings_for(corner)))
        api = await stack.enter_async_context(open_client(corner.gateway_url))
        async with writing(api) as writer:
            await mongodb.away(AWAY)
            await writer.goes_on()

            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(AWAY)
            broker.start()
            await asyncio.to_thread(broker.wait, SECONDS_TO_START)
            await writer.goes_on()
            assert writer.written


async def _titles(api: ProfileApi) -> AsyncIterator[str]:
    cursor = None
    while True:
        page = await api.list_posts(ListPosts(limit=100, cursor=cursor))
        for each in page.items:
            yield each.title
        if (cursor := page.next_cursor) is None:
            return
