"""What does not come back by itself although its server is there: the worker says so, and ends."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.at_length import at_length
from tests.faults.proxied_env import ProxiedEnv, has_ended, proxied_env
from tests.faults.stuck_worker import PARTS
from tests.faults.test_probes import answer
from tests.integration.gateway import eventually
from tests.integration.workers import working
from tools.servers import Servers
from tools.servers.processes import free_port

STUCK = 4


async def spoilt(env: ProxiedEnv, folder: Path, part: str) -> tuple[list[Any], int]:
    """Return what `/livez` said while that part of a worker was stuck, and the worker's exit code."""
    port = free_port()
    said: list[Any] = []

    async def is_over() -> bool:
        try:
            status, body = await asyncio.to_thread(answer, f"http://127.0.0.1:{port}/livez")
        except OSError:
            return True
        if status != 200:
            said.append(body)
        return worker.process.poll() is not None

    settings = {**env.behind(), "HEALTH_PORT": str(port)}
    module = ("tests.faults.stuck_worker", part)
    async with working(env.sandbox, folder, settings, part, module) as worker:
        worker.process.send_signal(signal.SIGUSR1)
        await eventually(is_over, within=90)
        return said, await has_ended(worker)


async def test_a_worker_that_is_stuck_says_so_and_ends(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        ends = await asyncio.gather(*(spoilt(env, tmp_path, part) for part in PARTS))

    said = {part: (said[0] if said else None) for part, (said, _) in zip(PARTS, ends, strict=True)}
    assert {part: code for part, (_, code) in zip(PARTS, ends, strict=True)} == dict.fromkeys(PARTS, STUCK)
    assert said == {
        "database": {"status": "stuck", "parts": ["database"]},
        "loop": {"status": "stuck"},
        "consumers": {"status": "stuck", "parts": ["consumers"]},
        "publisher": {"status": "stuck", "parts": ["publisher"]},
    }


@pytest.mark.parametrize("outage", ["freeze", *at_length("cut")])
async def test_a_worker_whose_database_is_away_stays(servers: Servers, tmp_path: Path, outage: str) -> None:
    async def has_noticed() -> bool:
        return (await asyncio.to_thread(answer, f"http://127.0.0.1:{port}/readyz"))[0] == 503

    port = free_port()
    async with proxied_env(servers, tmp_path) as env:
        settings = {**env.behind(), "HEALTH_PORT": str(port)}
        async with working(
            env.sandbox, tmp_path, settings, module=("tests.faults.stuck_worker", "loop")
        ) as worker:
            getattr(env.proxy, outage)()
            await eventually(has_noticed, within=30)
            await asyncio.sleep(8)  # four times the limit of this worker
            is_there = worker.process.poll() is None
            env.proxy.mend()
            works = await env.ask(1)

    assert is_there
    assert works["ok"]
