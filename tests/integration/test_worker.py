"""How a worker ends, and what its settings do."""

import asyncio
import json
import signal
from pathlib import Path

from tests.integration.broker import Broker, administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.replies import result
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.workers import WORKER, isolated_sandbox, working
from tools.servers import Servers

MANY = 20


async def _wait_for(broker: Broker, queue: str, count: int) -> None:
    async def look() -> bool:
        return await broker.ready(queue) >= count

    await eventually(look, within=30)


async def test_sigterm_loses_no_request_and_answers_each_once(servers: Servers, tmp_path: Path) -> None:
    with isolated_sandbox(servers) as env:
        settings = settings_for(env)
        async with administrating(env) as broker, connected(env.gateway_url) as plain:
            replies = await broker.reply_queue()
            sent = [f"request-{number}" for number in range(MANY)]
            async with working(env, tmp_path, settings, "first", WORKER) as first:
                for each in sent:
                    body = a_request("profile.create")
                    await plain.tell("profile.create", body, reply_to=replies, correlation_id=each)
                await _wait_for(broker, replies, 1)

                assert await asyncio.to_thread(first.stop, signal.SIGTERM) == 0

            async with working(env, tmp_path, settings, "second"):
                await _wait_for(broker, replies, MANY)
                # Whatever was asked before this is answered by now: prefetch 16, one queue.
                await plain.ask("profile.create", a_request("profile.create"))
            answers = await broker.take(replies)
            left = await broker.ready("profile.create")

    assert sorted(each.correlation_id or "" for each in answers) == sorted(sent)
    assert all(json.loads(each.body)["ok"] for each in answers)
    assert left == 0
    log = (tmp_path / "first.log").read_text()
    assert '"level": "error"' not in log


async def test_what_waited_in_every_queue_before_the_worker_came_is_answered(
    servers: Servers, tmp_path: Path
) -> None:
    """The first messages come right behind the broker's word that they will."""
    with isolated_sandbox(servers) as env:
        async with administrating(env) as broker, connected(env.gateway_url) as plain:
            replies = await broker.reply_queue()
            sent = [f"{operation} {number}" for operation in OPERATIONS for number in range(3)]
            for each in sent:
                operation, _ = each.split()
                body = a_request(operation)
                await plain.tell(operation, body, reply_to=replies, correlation_id=each)
            async with working(env, tmp_path, settings_for(env)):
                await _wait_for(broker, replies, len(sent))
            answers = await broker.take(replies)

    assert sorted(each.correlation_id or "" for each in answers) == sorted(sent)


async def test_sigint_ends_it_as_well(servers: Servers, tmp_path: Path) -> None:
    with isolated_sandbox(servers) as env:
        async with working(env, tmp_path, settings_for(env)) as worker:
            assert await asyncio.to_thread(worker.stop, signal.SIGINT) == 0

    assert "Traceback" not in worker.log.read_text()


async def test_settings_change_prefixes_prefetches_queue_types_and_the_life_of_tokens(
    servers: Servers, tmp_path: Path
) -> None:
    with isolated_sandbox(servers) as env:
        settings = {
            **settings_for(env),
            "REPLY_TO_PREFIXES": '["replies."]',
            "PREFETCH_LOGINS": "3",
            "ACCESS_TOKEN_SECONDS": "1",
        }
        async with (
            administrating(env) as broker,
            connected(env.gateway_url) as plain,
            working(env, tmp_path, settings),
        ):
            await broker.channel.declare_queue("replies.gateway-1", exclusive=True)
            await plain.tell("auth.keys", {}, reply_to="replies.gateway-1", correlation_id="mine")

            assert (await broker.first("replies.gateway-1")).correlation_id == "mine"

            async def prefetch() -> int:
                consumers = await broker.look_here("consumers")
                found = [each for each in consumers if each["queue"]["name"] == "auth.login"]
                return int(found[0]["prefetch_count"]) if found else 0

            assert await eventually(prefetch) == 3

            person = a_request("profile.create")
            created = result(await plain.ask("profile.create", person))
            login = {"email": person["email"], "password": person["password"]}
            tokens = result(await plain.ask("auth.login", login))

            assert tokens["expires_in"] == 1

            async def expired() -> bool:
                reply = await plain.ask("profile.get", {"id": created["id"]}, token=tokens["access_token"])
                return "error" in reply and reply["error"]["reason"] == "token_expired"

            assert await eventually(expired)


async def test_two_workers_share_the_work(servers: Servers, tmp_path: Path) -> None:
    with isolated_sandbox(servers) as env:
        settings = {**settings_for(env), "PREFETCH_COMMANDS": "1"}
        async with (
            connected(env.gateway_url) as plain,
            working(env, tmp_path, settings, "first") as first,
            working(env, tmp_path, settings, "second") as second,
        ):
            asked = [plain.ask("profile.create", a_request("profile.create")) for _ in range(MANY)]
            replies = await asyncio.gather(*asked)

    shares = [each.log.read_text().count('"event": "request"') for each in (first, second)]

    assert all(reply["ok"] for reply in replies)
    assert sum(shares) == MANY
    assert min(shares) > 0
