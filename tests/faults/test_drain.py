"""Workers that are told to end: what they have in hand they finish, what comes meanwhile is for others."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from tests.faults.proxied_env import ProxiedEnv, has_ended, has_logged, proxied_env
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.requests import a_request
from tests.integration.workers import WORKER, working
from tools.servers import Servers
from tools.worker import Worker

UNACKED = 3
# As many as one worker takes at a time from one queue.
IN_HAND = 16
# Enough for both workers to have their hands full, and done before the frozen ones' time is over.
FIRST = 2 * IN_HAND + 8


def requests_logged(worker: Worker, operation: str) -> int:
    """Return how many messages *worker*, which has ended, was given; one that came again was given twice."""
    lines = [json.loads(each) for each in worker.log.read_text().splitlines()]
    return sum(each["event"] == "request" and each["operation"] == operation for each in lines)


async def test_a_worker_that_ends_finishes_its_work_and_leaves_the_rest_to_others(
    servers: Servers, tmp_path: Path
) -> None:
    async with proxied_env(servers, tmp_path) as env:

        async def only_the_frozen_wait() -> bool:
            waiting, _ = await env.counts("profile.update")
            return waiting == 0 and len(env.service.replies) == len(first) - IN_HAND

        ending_settings, staying_settings = env.behind(), settings_for(env.sandbox)
        async with (
            working(env.sandbox, tmp_path, ending_settings, "ending") as ending,
            working(env.sandbox, tmp_path, staying_settings, "staying") as staying,
        ):
            env.proxy.freeze()
            first = [asyncio.ensure_future(env.ask(number)) for number in range(FIRST)]
            await eventually(only_the_frozen_wait)
            ending.process.send_signal(signal.SIGTERM)
            await has_logged(ending, "draining")
            await asyncio.gather(*(env.ask(number) for number in range(100, 120)))
            is_still_there = ending.process.poll() is None
            env.proxy.mend()
            await asyncio.gather(*first)
            code = await has_ended(ending)
        asked = env.service.sent["profile.update"]
        given = [requests_logged(each, "profile.update") for each in (ending, staying)]
        left, consumers = await env.counts("profile.update")

        assert is_still_there
        assert code == 0
        assert len(env.service.replies) == asked
        assert sum(given) == asked
        # Without consumers, what nobody has acknowledged is ready again.
        assert (left, consumers) == (0, 0)
        assert sum(await env.versions()) == len(env.profiles) + FIRST + 20
        assert await env.dead_letters() == 0


async def test_a_second_signal_ends_it_at_once_and_others_do_what_it_leaves(
    servers: Servers, tmp_path: Path
) -> None:
    new = 8

    async def all_are_in_flight() -> bool:
        return (await env.counts("profile.create"))[0] == 0

    async def all_are_there() -> bool:
        return len(await env.versions()) == len(env.profiles) + new

    async with proxied_env(servers, tmp_path) as env:
        slow = {**settings_for(env.sandbox), "BCRYPT_COST": "15", "HASHING_THREADS": "1"}
        async with working(env.sandbox, tmp_path, slow, "ending", WORKER) as ending:
            for _ in range(new):
                body = a_request("profile.create")
                await env.service.tell("profile.create", body, message_id=uuid4().hex, delivery_mode=2)
            await eventually(all_are_in_flight)
            ending.process.send_signal(signal.SIGTERM)
            await has_logged(ending, "draining")
            ending.process.send_signal(signal.SIGTERM)
            code = await has_ended(ending)
        async with working(env.sandbox, tmp_path, settings_for(env.sandbox), "next"):
            await eventually(all_are_there, within=30)

        assert code == UNACKED
        assert await env.broker.dead_letters("profile.create") == []


@asynccontextmanager
async def side_by_side(env: ProxiedEnv, folder: Path, count: int) -> AsyncIterator[Worker]:
    """Run several workers under one command, and wait until all of them are there."""

    async def are_ready() -> bool:  # the broker would count one twice that is just about to be
        log = await asyncio.to_thread(several.log.read_text)
        return log.count('"event": "ready"') >= count

    settings = settings_for(env.sandbox)
    async with working(
        env.sandbox, folder, settings, "several", (*WORKER, "--workers", str(count))
    ) as several:
        await eventually(are_ready, within=60)
        await all_consume(env, count)
        yield several


async def all_consume(env: ProxiedEnv, count: int) -> None:
    """Wait until so many workers consume."""

    async def consume() -> bool:
        return (await env.counts("profile.update"))[1] == count

    await eventually(consume, within=30)


async def test_several_workers_under_one_command_end_side_by_side(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        async with side_by_side(env, tmp_path, 3) as several:
            replies = await asyncio.gather(*(env.ask(number) for number in range(30)))
            code = await asyncio.to_thread(several.stop)
        await all_consume(env, 0)

        assert code == 0
        assert all(each["ok"] for each in replies)
        log = several.log.read_text()
        # Each had begun to end before any had ended.
        assert log.rindex('"draining"') < log.index('"drained"')


def children_of(worker: Worker) -> list[int]:
    """Return the processes that *worker* has started."""
    pid = worker.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_worker_that_dies_is_started_anew(servers: Servers, tmp_path: Path) -> None:
    async with (
        proxied_env(servers, tmp_path) as env,
        side_by_side(env, tmp_path, 2) as several,
    ):
        one, *_ = children_of(several)
        os.kill(one, signal.SIGKILL)
        await has_logged(several, "worker ended")
        await all_consume(env, 2)

        assert (await env.ask(1))["ok"]
