"""Commands that come again over a new line while a worker still has them in hand from the one before."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.proxied_env import ProxiedEnv, proxied_env
from tests.integration.gateway import eventually
from tests.integration.proxy import Proxy, behind, proxied
from tests.integration.workers import address_of, working
from tools.servers import Servers

MANY = 5
# The numbers of deliveries begin anew with each line, so that those of one are those of the other.
LINES = 2


async def _lose_the_line(env: ProxiedEnv, line: Proxy) -> None:
    """Cut *line*, and wait until the worker has all commands again over another one."""
    before = await env.broker.consuming_channels()

    async def have_come_again() -> bool:
        channels = await env.broker.consuming_channels()
        return not channels & before and await env.counts("profile.update") == (0, 1)

    line.cut()
    line.mend()
    await eventually(have_come_again)


@pytest.mark.at_length
async def test_what_waits_for_its_turn_is_done_once_when_the_line_is_lost_again_and_again(
    servers: Servers, tmp_path: Path
) -> None:
    async with (
        proxied_env(servers, tmp_path) as env,
        proxied(*address_of(env.sandbox.service_url)) as line,
        working(
            env.sandbox,
            tmp_path,
            {**env.behind(), "RABBITMQ_URL": behind(line, env.sandbox.service_url)},
        ) as worker,
    ):
        env.proxy.freeze()
        asked = [asyncio.ensure_future(env.ask(number)) for number in range(MANY)]

        async def all_are_in_hand() -> bool:
            return len(env.service.sent) > 0 and await env.counts("profile.update") == (0, 1)

        await eventually(all_are_in_hand)
        for _ in range(LINES):
            await _lose_the_line(env, line)
        env.proxy.mend()
        replies = await asyncio.gather(*asked)
        log = worker.log.read_text()

        assert [each["ok"] for each in replies] == [True] * MANY
        assert sum(await env.versions()) == len(env.profiles) + MANY
        assert await env.dead_letters() == 0
        assert worker.process.poll() is None
    for sign in ("KeyError", "handling failed", "Traceback", "internal_error"):
        assert sign not in log
