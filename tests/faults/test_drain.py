"""Workers that are told to end: what they have in hand they finish, what comes meanwhile is for others."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.faults.behind_proxy import Stage, a_stage, has_ended, has_logged
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.requests import a_request
from tests.integration.workers import working
from tools.servers import Servers
from tools.worker import Worker

WORKER = ("service.cli", "worker")
ABANDONED = 3
# As many as one worker takes at a time from one queue.
IN_HAND = 16


async def assert_none_came_twice(stage: Stage, queue: str, acknowledged: int) -> None:
    """Wait until the broker's counters have come to so many acknowledged messages; none was redelivered."""

    async def counted() -> dict[str, Any]:
        found = await stage.broker.look_here("queues", queue)
        stats: dict[str, Any] = found.get("message_stats", {})
        return stats if stats.get("ack", 0) >= acknowledged else {}

    stats = await eventually(counted, within=30)
    assert stats.get("redeliver", 0) == 0


async def test_a_worker_that_ends_finishes_its_work_and_leaves_the_rest_to_others(
    servers: Servers, tmp_path: Path
) -> None:
    async with a_stage(servers, tmp_path) as stage:

        async def only_the_frozen_wait() -> bool:
            waiting, _ = await stage.counts("profile.update")
            return waiting == 0 and len(stage.service.replies) == len(first) - IN_HAND

        ending_settings, staying_settings = stage.behind(), settings_for(stage.box)
        async with (
            working(stage.box, tmp_path, ending_settings, "ending") as ending,
            working(stage.box, tmp_path, staying_settings, "staying"),
        ):
            stage.proxy.freeze()
            first = [asyncio.ensure_future(stage.ask(number)) for number in range(4 * IN_HAND)]
            await eventually(only_the_frozen_wait)
            ending.process.send_signal(signal.SIGTERM)
            await has_logged(ending, "draining")
            await asyncio.gather(*(stage.ask(number) for number in range(100, 120)))
            is_still_there = ending.process.poll() is None
            stage.proxy.mend()
            await asyncio.gather(*first)
            code = await has_ended(ending)
            asked = stage.service.sent["profile.update"]
            await assert_none_came_twice(stage, "profile.update", asked)

        assert is_still_there
        assert code == 0
        assert len(stage.service.replies) == asked
        assert sum(await stage.versions()) == len(stage.profiles) + 4 * IN_HAND + 20
        assert await stage.dead_letters() == 0


async def test_a_second_signal_ends_it_at_once_and_others_do_what_it_leaves(
    servers: Servers, tmp_path: Path
) -> None:
    new = 8

    async def none_waits() -> bool:
        return (await stage.counts("profile.create"))[0] == 0

    async def all_are_there() -> bool:
        return len(await stage.versions()) == len(stage.profiles) + new

    async with a_stage(servers, tmp_path) as stage:
        slow = {**settings_for(stage.box), "BCRYPT_COST": "15", "HASHING_THREADS": "1"}
        async with working(stage.box, tmp_path, slow, "ending") as ending:
            for _ in range(new):
                body = a_request("profile.create")
                await stage.service.tell("profile.create", body, message_id=uuid4().hex, delivery_mode=2)
            await eventually(none_waits)
            ending.process.send_signal(signal.SIGTERM)
            await has_logged(ending, "draining")
            ending.process.send_signal(signal.SIGTERM)
            code = await has_ended(ending)
        async with working(stage.box, tmp_path, settings_for(stage.box), "next"):
            await eventually(all_are_there, within=30)

        assert code == ABANDONED
        assert await stage.broker.dead_letters("profile.create") == []


@asynccontextmanager
async def side_by_side(stage: Stage, folder: Path, count: int) -> AsyncIterator[Worker]:
    """Run several workers under one command, and wait until all of them are there."""
    settings = settings_for(stage.box)
    async with working(stage.box, folder, settings, "several", (*WORKER, "--workers", str(count))) as several:
        await all_consume(stage, count)
        yield several


async def all_consume(stage: Stage, count: int) -> None:
    """Wait until so many workers consume."""

    async def consume() -> bool:
        return (await stage.counts("profile.update"))[1] == count

    await eventually(consume, within=30)


async def test_several_workers_under_one_command_end_side_by_side(servers: Servers, tmp_path: Path) -> None:
    async with a_stage(servers, tmp_path) as stage:
        async with side_by_side(stage, tmp_path, 3) as several:
            replies = await asyncio.gather(*(stage.ask(number) for number in range(30)))
            code = await asyncio.to_thread(several.stop)
        await all_consume(stage, 0)

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
        a_stage(servers, tmp_path) as stage,
        side_by_side(stage, tmp_path, 2) as several,
    ):
        one, *_ = children_of(several)
        os.kill(one, signal.SIGKILL)
        await has_logged(several, "worker ended")
        await all_consume(stage, 2)

        assert (await stage.ask(1))["ok"]
