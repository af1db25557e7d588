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
    """Cut *line*, and wait until the worker has all commands again over another one.

    The broker's own counts are asked for, not the console's, which come seconds later: so long without its
    database, a worker gives its commands back and does not take them again.
    """

    async def nobody_has_them() -> bool:
        return await env.counts("profile.update") == (MANY, 0)

    line.cut()
    await eventually(nobody_has_them)
    line.mend()
    await eventually(lambda: _all_are_in_hand(env))


async def _all_are_in_hand(env: ProxiedEnv) -> bool:
    return await env.counts("profile.update") == (0, 1)


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

        async def all_are_sent() -> bool:
            return env.service.sent["profile.update"] == MANY and await _all_are_in_hand(env)

        await eventually(all_are_sent)
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
