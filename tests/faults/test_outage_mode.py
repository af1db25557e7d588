"""While MongoDB is away commands wait in their queues, and whoever asks hears so at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.at_length import at_length
from tests.faults.proxied_env import ProxiedEnv, has_logged, proxied_env
from tests.integration.gateway import eventually
from tests.integration.replies import refusal
from tests.integration.workers import working
from tools.servers import Servers
from tools.worker import Worker

BACKLOG = 300
QUERIES = 10


async def tell_until_it_pauses(env: ProxiedEnv, worker: Worker) -> None:
    """Send commands that nobody waits for; the worker fails at some of them, and leaves the others."""
    for number in range(BACKLOG):
        await env.tell(number)
    await has_logged(worker, "database away")

    async def rests() -> bool:
        return (await env.counts("profile.update"))[1] == 0

    await eventually(rests, within=60)


@pytest.mark.parametrize("outage", ["freeze", *at_length("cut")])
async def test_a_backlog_stays_in_its_queue_and_is_worked_off_when_mongodb_is_back(
    servers: Servers, tmp_path: Path, outage: str
) -> None:
    async def is_done() -> bool:
        return sum(await env.versions()) == len(env.profiles) + BACKLOG

    # So many profiles that none of them sees more commands than it remembers, which are 64.
    async with (
        proxied_env(servers, tmp_path, profiles=8) as env,
        working(env.sandbox, tmp_path, env.behind()) as worker,
    ):
        getattr(env.proxy, outage)()
        await tell_until_it_pauses(env, worker)
        left, _ = await env.counts("profile.update")
        # Those who wait for the database would take some twenty seconds for this.
        async with asyncio.timeout(QUERIES):
            replies = [await env.service.ask("profile.get", env.who(each)) for each in range(QUERIES)]
        env.proxy.mend()
        await eventually(is_done, within=60)

        assert left > BACKLOG / 2
        assert {refusal(each) for each in replies} == {("unavailable", "database_unavailable")}
        assert all(each["error"]["retryable"] for each in replies)
        assert (await env.counts("profile.update"))[1] == 1
        assert await env.dead_letters() == 0


@pytest.mark.at_length
async def test_a_queue_that_is_gone_keeps_no_other_one_from_being_consumed_again(
    servers: Servers, tmp_path: Path
) -> None:
    """Where nothing is made, it is gone for good; the others wait for MongoDB alone."""
    async with proxied_env(servers, tmp_path) as env:
        settings = {**env.behind(), "DECLARE_TOPOLOGY": "false"}
        async with working(env.sandbox, tmp_path, settings) as worker:
            await env.broker.channel.queue_delete("post.get")
            env.proxy.freeze()
            await tell_until_it_pauses(env, worker)
            env.proxy.mend()
            await has_logged(worker, "database back")
            changed = await env.ask(1)
            log = await asyncio.to_thread(worker.log.read_text)

    assert changed["ok"]
    assert "broker away" not in log


async def test_what_fails_once_is_tried_again_in_place(servers: Servers, tmp_path: Path) -> None:
    async def all_are_in_hand() -> bool:
        return (await env.counts("profile.update"))[0] == 0

    async with proxied_env(servers, tmp_path) as env, working(env.sandbox, tmp_path, env.behind()):
        warm = await env.ask(0)
        env.proxy.freeze()
        asking = [asyncio.ensure_future(env.ask_once(number)) for number in range(1, 9)]
        await eventually(all_are_in_hand)
        env.proxy.cut()
        env.proxy.mend()
        replies: list[dict[str, Any]] = await asyncio.gather(*asking)

        assert all(each["ok"] for each in [warm, *replies])
        assert sum(await env.versions()) == len(env.profiles) + 9


async def test_whoever_waits_hears_of_it_before_the_time_is_over(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env, working(env.sandbox, tmp_path, env.behind()):
        env.proxy.freeze()
        reply = await env.service.ask("profile.get", env.who(0), expiration=1)
        env.proxy.mend()

        assert refusal(reply) == ("deadline_exceeded", "out_of_time")
