"""Redis is away, and then MongoDB is too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.builders import an_address
from tests.integration.conftest import settings_for
from tests.integration.gateway import Gateway, connected
from tests.integration.identity.people import (
    alive,
    assert_over,
    guess,
    logged_in,
    outcomes,
    refresh,
    refused,
    signed_up,
)
from tests.integration.proxy import Proxy, proxied
from tests.integration.replies import refusal, result
from tests.integration.workers import isolated_sandbox, logged, running_worker
from tools.servers import Servers
from tools.worker import Worker


@dataclass(frozen=True, slots=True)
class Shaky:
    """A worker whose databases can be taken away."""

    gateway: Gateway
    worker: Worker
    mongo: Proxy
    redis: Proxy


def _behind(url: str, proxy: Proxy) -> str:
    return urlsplit(url)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()


def _port(url: str) -> int:
    return int(urlsplit(url).port or 0)


@pytest_asyncio.fixture(scope="module")
async def shaky(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shaky]:
    """A worker behind proxies, which this event loop serves: so the worker is started in a thread."""
    folder = tmp_path_factory.mktemp("shaky")
    with isolated_sandbox(servers) as sandbox, ExitStack() as stack:
        host = str(urlsplit(sandbox.mongo_url).hostname)
        async with (
            proxied(host, _port(sandbox.mongo_url)) as mongo,
            proxied(host, _port(sandbox.redis_url)) as redis,
            connected(sandbox.gateway_url) as gateway,
        ):
            mongo_url = f"{_behind(sandbox.mongo_url, mongo).partition('?')[0]}?directConnection=true"
            moved = replace(sandbox, mongo_url=mongo_url, redis_url=_behind(sandbox.redis_url, redis))
            start = running_worker(moved, folder, settings_for(sandbox))
            worker = await asyncio.to_thread(stack.enter_context, start)
            yield Shaky(gateway, worker, mongo, redis)
            await asyncio.to_thread(stack.close)


@pytest_asyncio.fixture
async def without_redis(shaky: Shaky) -> AsyncIterator[Gateway]:
    """A gateway to a worker whose Redis is away."""
    shaky.redis.cut()
    yield shaky.gateway
    shaky.redis.mend()


async def test_without_redis_sessions_begin_go_on_and_end(without_redis: Gateway, shaky: Shaky) -> None:
    person = await signed_up(without_redis)
    first = await logged_in(without_redis, person)
    second = await refresh(without_redis, first)
    other = await logged_in(without_redis, person)

    assert await alive(without_redis, [first, second, other] * 5) == [True] * 15

    token = second["access_token"]
    ended = await without_redis.ask("auth.logout", {"scope": "local"}, token=token)

    assert result(ended) == {"revoked": 1}
    assert await alive(without_redis, [first, second, other] * 5) == [False, False, True] * 5
    assert await refused(without_redis, second) == "refresh_token_invalid"
    reply = await without_redis.ask("profile.get", {"id": person["id"]}, token=token)
    assert refusal(reply) == ("unauthenticated", "session_ended")
    await logged(shaky.worker, "redis unavailable")


async def test_without_redis_guesses_are_counted_by_each_worker(without_redis: Gateway) -> None:
    person = await signed_up(without_redis)
    replies = await asyncio.gather(*(guess(without_redis, person["email"]) for _ in range(40)))
    counted = outcomes(replies)

    assert 0 < counted["invalid_credentials"] <= 10
    assert counted.keys() <= {"invalid_credentials", "too_many_attempts", "attempts_in_flight"}
    right = await guess(without_redis, person["email"], person["password"])
    assert refusal(right) == ("rate_limited", "too_many_attempts")


async def test_what_ended_while_redis_was_away_stays_over(shaky: Shaky) -> None:
    person = await signed_up(shaky.gateway)
    tokens = await logged_in(shaky.gateway, person)
    assert await alive(shaky.gateway, [tokens]) == [True]
    shaky.redis.cut()
    result(await shaky.gateway.ask("auth.logout", {"scope": "global"}, token=tokens["access_token"]))
    assert await alive(shaky.gateway, [tokens] * 5) == [False] * 5
    shaky.redis.mend()
    await assert_over(shaky.gateway, [tokens] * 5)  # a verdict that Redis still had lives no longer

    assert await alive(shaky.gateway, [tokens] * 5) == [False] * 5


async def test_without_both_nobody_is_let_in(shaky: Shaky) -> None:
    gateway = shaky.gateway
    person = await signed_up(gateway)
    tokens = await logged_in(gateway, person)
    token = tokens["access_token"]
    assert await alive(gateway, [tokens]) == [True]
    shaky.redis.cut()
    shaky.mongo.cut()
    try:
        replies = await asyncio.gather(
            gateway.ask("auth.verify", {"token": token}),
            gateway.ask("profile.get", {"id": person["id"]}, token=token),
            gateway.ask("profile.update", {"id": person["id"], "last_name": "King"}, token=token),
            gateway.ask("auth.logout", {"scope": "global"}, token=token),
            gateway.ask("auth.refresh", {"refresh_token": tokens["refresh_token"]}),
            guess(gateway, an_address()),
        )
        forged = await gateway.ask("auth.verify", {"token": token[:-9]})
    finally:
        shaky.redis.mend()
        shaky.mongo.mend()

    assert {refusal(reply) for reply in replies} == {("unavailable", "database_unavailable")}
    assert all(reply["error"]["retryable"] for reply in replies)
    assert result(forged) == {"active": False}  # for which nobody has to be asked

    async def answers() -> bool:
        reply = await gateway.ask("auth.verify", {"token": token})
        return bool(reply["ok"] and reply["result"]["active"])

    async with asyncio.timeout(10):
        while not await answers():
            pass
