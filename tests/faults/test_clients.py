"""The worker dies, and the broker and the database are away, under a gateway built on each client.

No call takes longer than its deadline, no command is carried out twice, and all is well by itself ten seconds
after the server is back.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from profile_contracts.auth import LogIn
from profile_contracts.client import ProfileClient
from profile_contracts.errors import CallFailed
from profile_contracts.posts import CreatePost, ListPosts
from profile_contracts.profile_api import ProfileApi
from tests.integration.clients.node_client import node_client
from tests.integration.clients.subjects import PASSWORD, a_sign_up
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox, through, working
from tools.servers import Servers

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


@pytest.mark.at_length
@pytest.mark.parametrize("open_client", [python_client, node_client])
async def test_a_gateway_outlives_the_worker_the_broker_and_the_database(
    open_client: Callable[[str], AbstractAsyncContextManager[ProfileApi]], servers: Servers, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        sandbox = stack.enter_context(isolated_sandbox(servers))
        broker = await stack.enter_async_context(proxied(*address_of(sandbox.gateway_url)))
        database = await stack.enter_async_context(proxied(*address_of(sandbox.mongo_url)))
        settings = {**settings_for(sandbox), "MONGO_URL": through(database, sandbox.mongo_url)}
        worker = await stack.enter_async_context(working(sandbox, tmp_path, settings, "first"))
        api = await stack.enter_async_context(open_client(behind(broker, sandbox.gateway_url)))
        profile = await api.create_profile(a_sign_up())
        token = (await api.log_in(LogIn(email=profile.email, password=PASSWORD))).access_token
        writer = Writer(api, token)
        writing = asyncio.create_task(writer.run())
        await writer.goes_on()

        for server in (broker, database):
            for fault in (server.cut, server.freeze):
                fault()
                await asyncio.sleep(AWAY)
                server.mend()
                await writer.goes_on()

        worker.process.send_signal(signal.SIGKILL)
        await stack.enter_async_context(working(sandbox, tmp_path, settings, "second"))
        await writer.goes_on()

        writer.stopping.set()
        await writing
        titles = [each async for each in _titles(api)]

    assert sorted(titles) == sorted(f"Note {each}" for each in range(writer.written))
    assert writer.longest < TIMEOUT + LATE


async def _titles(api: ProfileApi) -> AsyncIterator[str]:
    cursor = None
    while True:
        page = await api.list_posts(ListPosts(limit=100, cursor=cursor))
        for each in page.items:
            yield each.title
        if (cursor := page.next_cursor) is None:
            return
