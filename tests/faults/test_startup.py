"""Servers that are not up yet when a worker starts."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.behind_proxy import a_stage
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.workers import working
from tools.servers import Servers


def to(proxy: Proxy, url: str) -> str:
    """Return the broker's *url* with *proxy* in its place."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()


@pytest.mark.parametrize("late", ["rabbitmq", "mongodb", "both"])
async def test_a_worker_waits_for_servers_that_come_up_after_it(
    servers: Servers, tmp_path: Path, late: str
) -> None:
    async def it_waits() -> bool:
        log = tmp_path / "worker.log"
        return '"event": "waiting"' in (await asyncio.to_thread(log.read_text) if log.exists() else "")

    async with a_stage(servers, tmp_path) as stage, AsyncExitStack() as stack:
        parts = urlsplit(stage.box.service_url)
        broker = await stack.enter_async_context(proxied(parts.hostname or "", parts.port or 0))
        away = {"rabbitmq": [broker], "mongodb": [stage.proxy], "both": [broker, stage.proxy]}[late]
        settings = {**stage.behind(), "RABBITMQ_URL": to(broker, stage.box.service_url)}
        for each in away:
            each.cut()
        starting = asyncio.create_task(
            stack.enter_async_context(working(stage.box, tmp_path, settings)), name="starting"
        )
        await eventually(it_waits, within=20)
        for each in away:
            each.mend()
        await starting

        assert (await stage.ask(1))["ok"]
