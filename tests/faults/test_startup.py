"""Servers that are not up yet when a worker starts."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.infrastructure.security.keys import new_key
from tests.at_length import at_length
from tests.faults.proxied_env import proxied_env
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.requests import OPERATIONS
from tests.integration.workers import working
from tools.servers import Servers


def to(proxy: Proxy, url: str) -> str:
    """Return the broker's *url* with *proxy* in its place."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()


async def waits(folder: Path) -> bool:
    """Return whether the worker whose log is in *folder* waits for servers."""
    log = folder / "worker.log"
    return '"event": "waiting"' in (await asyncio.to_thread(log.read_text) if log.exists() else "")


@pytest.mark.parametrize("late", ["rabbitmq", *at_length("mongodb")])
async def test_a_worker_waits_for_servers_that_come_up_after_it(
    servers: Servers, tmp_path: Path, late: str
) -> None:
    async with proxied_env(servers, tmp_path) as env, AsyncExitStack() as stack:
        parts = urlsplit(env.sandbox.service_url)
        broker = await stack.enter_async_context(proxied(parts.hostname or "", parts.port or 0))
        away = {"rabbitmq": broker, "mongodb": env.proxy}[late]
        settings = {**env.behind(), "RABBITMQ_URL": to(broker, env.sandbox.service_url)}
        away.cut()
        starting = asyncio.create_task(
            stack.enter_async_context(working(env.sandbox, tmp_path, settings)), name="starting"
        )
        await eventually(partial(waits, tmp_path), within=60)
        away.mend()
        await starting

        assert (await env.ask(1))["ok"]


@pytest.mark.parametrize("by", [signal.SIGTERM, *at_length(signal.SIGINT)])
async def test_a_worker_that_still_waits_ends_at_once(
    servers: Servers, tmp_path: Path, by: signal.Signals
) -> None:
    async with proxied_env(servers, tmp_path) as env:
        env.proxy.cut()
        with (tmp_path / "worker.log").open("wb") as log:
            new_key(tmp_path / "keys", datetime.now(UTC))
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service.cli", "worker"),
                env={
                    **os.environ,
                    **env.behind(),
                    "RABBITMQ_URL": env.sandbox.service_url,
                    "SIGNING_KEYS_DIR": str(tmp_path / "keys"),
                },
                stderr=log,
            )
        await eventually(partial(waits, tmp_path), within=60)
        worker.send_signal(by)

        assert await asyncio.wait_for(worker.wait(), 60) == 0
        assert "Traceback" not in await asyncio.to_thread((tmp_path / "worker.log").read_text)


async def test_while_it_starts_no_queue_gets_two_consumers(servers: Servers, tmp_path: Path) -> None:
    """The second one would go on taking messages from a worker that has to end."""
    eager = ("tests.faults.eager_worker",)
    async with (
        proxied_env(servers, tmp_path) as env,
        working(env.sandbox, tmp_path, settings_for(env.sandbox), module=eager),
    ):
        counts = {each: (await env.counts(each))[1] for each in OPERATIONS}

    assert counts == dict.fromkeys(OPERATIONS, 1)


async def test_a_worker_that_is_ended_before_its_start_has_come_to_its_end_drains(
    servers: Servers, tmp_path: Path
) -> None:
    module = ("tests.faults.worker_ended_early", "worker")
    async with (
        proxied_env(servers, tmp_path) as env,
        working(env.sandbox, tmp_path, settings_for(env.sandbox), module=module) as worker,
    ):
        code = await asyncio.to_thread(worker.process.wait, 30)

    assert code == 0
    assert '"drained"' in worker.log.read_text()
