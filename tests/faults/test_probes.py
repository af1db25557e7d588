"""What a worker says over HTTP to those who decide where to send work."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE, topology
from service.infrastructure.rabbitmq.topology_check import declare
from tests.at_length import at_length
from tests.faults.alarms import memory_alarm, node_of
from tests.faults.proxied_env import ProxiedEnv, has_logged, proxied_env
from tests.integration.gateway import eventually
from tests.integration.metrics import scraped
from tests.integration.proxy import proxied
from tests.integration.requests import a_request
from tests.integration.workers import CHEAP_WORKER, WORKER, address_of, working
from tools.servers import Servers
from tools.servers.binaries import find
from tools.servers.local_redis import redis_version
from tools.servers.processes import free_port, private_processes
from tools.worker import Worker

NEEDED = ("work", "broker", "queues", "database", "topology", "events")
WELL = dict.fromkeys((*NEEDED, "redis", "background", "differences", "policies"), "ok")

VERSION = version("profile-service")

MANY = 10
COMMANDS_IN_FLIGHT = 8

Answer = tuple[int, dict[str, Any]]
Ask = Callable[[str], Awaitable[Answer]]


def answer(url: str) -> Answer:
    """Return status and body of what *url* answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own worker
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


@asynccontextmanager
async def probed(
    env: ProxiedEnv, module: Sequence[str] = CHEAP_WORKER, **settings: str
) -> AsyncIterator[tuple[Worker, Ask]]:
    """Run a worker, and give a function that asks it."""
    port = settings.setdefault("HEALTH_PORT", str(free_port()))

    async def ask(path: str) -> Answer:
        return await asyncio.to_thread(answer, f"http://127.0.0.1:{port}{path}")

    chosen = {**env.behind(), **settings}
    async with working(env.sandbox, env.folder, chosen, module=module) as worker:
        yield worker, ask


async def says(ask: Ask, status: int, word: str, **parts: str) -> None:
    """Wait until `/readyz` answers this."""

    async def it_does() -> bool:
        found, body = await ask("/readyz")
        seen.append((found, body))
        return found == status and body == {"status": word, "version": VERSION, "parts": {**WELL, **parts}}

    seen: list[Answer] = []
    try:
        await eventually(it_does, within=30)
    except TimeoutError:
        raise AssertionError(seen[-1]) from None


async def test_it_is_ready_while_everything_is_there(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env, probed(env) as (_, ask):
        assert await ask("/readyz") == (200, {"status": "ready", "version": VERSION, "parts": WELL})
        assert await ask("/livez") == (200, {"status": "alive"})
        assert (await ask("/healthz"))[0] == 404


async def test_what_expired_is_counted_and_not_done(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env, probed(env) as (_, ask):
        late = await env.service.ask("profile.update", env.change(1), headers={"x-deadline": 1})
        in_time = await env.ask_once(2)
        expected = {"profile.update": {"deadline_exceeded": 1, "ok": 1}}

        async def both_are_counted() -> bool:  # which happens after the reply
            status, counts = await ask("/counts")
            requests = {name: each for name, each in counts["requests"].items() if name != CASCADE_QUEUE}
            return status == 200 and requests == expected

        assert late["error"]["code"] == "deadline_exceeded"
        assert in_time["ok"]
        assert await eventually(both_are_counted)
        assert sum(await env.versions()) == len(env.profiles) + 1


async def test_it_is_not_ready_without_mongodb_and_still_alive(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env, probed(env) as (_, ask):
        env.proxy.cut()
        await says(ask, 503, "not ready", database="away")
        alive = await ask("/livez")
        env.proxy.mend()
        await says(ask, 200, "ready")

        assert alive == (200, {"status": "alive"})


async def test_without_redis_it_is_degraded(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as env:
        host, port = address_of(env.sandbox.redis_url.partition("/0")[0])
        async with proxied(host, port) as redis:
            url = env.sandbox.redis_url.replace(f":{port}", f":{redis.port}")
            async with probed(env, REDIS_URL=url) as (_, ask):
                redis.cut()
                await says(ask, 200, "degraded", redis="away")
                works = await env.ask(1)
                redis.mend()
                await says(ask, 200, "ready")

    assert works["ok"]


@asynccontextmanager
async def own_redis(*options: str) -> AsyncIterator[str]:
    """Give the URL of a Redis that is for one test alone."""
    with private_processes() as processes:
        server = find("redis-server")
        assert server, "the tests of other files need it, too"
        port = free_port()
        given = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
        child = processes.start("redis", [server, *given], processes.new_folder("redis"))
        url = f"redis://127.0.0.1:{port}"
        await asyncio.to_thread(child.wait_until, lambda: redis_version(url), within=20)
        yield url


# Why Redis takes no writes, by the option that it was started with.
NO_WRITES = {
    "maxmemory 1": "command not allowed when used memory > 'maxmemory'.",
    "replicaof 127.0.0.1 1": "You can't write against a read only replica.",
    "min-replicas-to-write 1": "NOREPLICAS Not enough good replicas to write.",
}


@pytest.mark.parametrize("option", ["maxmemory 1", *at_length(*list(NO_WRITES)[1:])])
async def test_with_a_redis_that_takes_no_writes_it_is_degraded(
    servers: Servers, tmp_path: Path, option: str
) -> None:
    name, value = option.split(" ", 1)
    async with (
        proxied_env(servers, tmp_path) as env,
        own_redis(f"--{name}", value) as url,
        probed(env, REDIS_URL=url) as (_, ask),
    ):
        await says(ask, 200, "degraded", redis=f"takes no writes: {NO_WRITES[option]}")
        works = await env.ask(1)

    assert works["ok"]


async def bindings_of(env: ProxiedEnv, queue: str) -> set[tuple[str, str]]:
    """Return from which exchanges messages come to *queue*, by which keys."""
    found = await env.broker.look_here("queues", queue, "bindings")
    return {(each["source"], each["routing_key"]) for each in found}


# One of each type, and one that only the service itself writes to.
@pytest.mark.parametrize("queue", at_length(CASCADE_QUEUE, "profile.get", "profile.update"))
async def test_a_queue_that_is_gone_is_named_until_it_is_back(
    servers: Servers, tmp_path: Path, queue: str
) -> None:
    """Where the worker makes nothing, it stays away for as long as we look."""
    async with proxied_env(servers, tmp_path) as env, probed(env, DECLARE_TOPOLOGY="false") as (_, ask):
        await says(ask, 200, "ready")
        await env.broker.channel.queue_delete(queue)
        missing = f"{queue} is missing: run `profilectl topology apply`"
        await says(ask, 503, "not ready", topology=missing, queues=f"not consumed: {queue}")
        await declare(URL(env.sandbox.admin_url), topology())
        await says(ask, 200, "ready")


@pytest.mark.parametrize("queue", [CASCADE_QUEUE, *at_length("profile.get", "profile.update")])
async def test_a_queue_that_is_gone_comes_back(servers: Servers, tmp_path: Path, queue: str) -> None:
    async with proxied_env(servers, tmp_path) as env, probed(env) as (worker, ask):
        bound = await bindings_of(env, queue)
        await env.broker.channel.queue_delete(queue)
        await has_logged(worker, "made again", queue)
        await says(ask, 200, "ready")
        found = await env.broker.look_here("queues", queue)
        changed = await env.ask(0)
        seen = await env.service.ask("profile.get", env.who(0))
        bound_again = await bindings_of(env, queue)

    assert bound_again == bound
    assert found["durable"]
    assert found["type"] == ("classic" if queue == "profile.get" else "quorum")
    assert (changed["ok"], seen["ok"]) == (True, True)


async def test_a_broker_that_takes_nothing_stops_no_work(own_servers: Servers, tmp_path: Path) -> None:
    async def all_is_done() -> bool:
        done = sum(await env.versions()) == len(env.profiles) + 2 * MANY
        queue = await env.broker.look_here("queues", "profile.update")
        return done and queue.get("messages") == 0

    async def all_is_told() -> bool:
        return await env.database["profiles"].find_one({"outbox.0": {"$exists": True}}) is None

    async with proxied_env(own_servers, tmp_path) as env, AsyncExitStack() as stack:
        node = await node_of(env.broker)
        assert node, "only a broker that we started can be told to raise an alarm"
        for number in range(MANY):
            await env.tell(number)
            # The reply has nowhere to go, and nobody waits for it once the worker, however slow, has come.
            waited_for = env.service.message(env.change(number + MANY), expiration=20)
            await env.service.send("profile.update", waited_for)
        async with memory_alarm(node):
            _, ask = await stack.enter_async_context(probed(env))
            await eventually(all_is_done, within=60)
            await says(ask, 503, "not ready", broker="away, or blocked by an alarm")
        await says(ask, 200, "ready")
        await eventually(all_is_told, within=30)


async def test_while_it_ends_it_is_not_ready(servers: Servers, tmp_path: Path) -> None:
    port = free_port()

    async def all_are_in_flight() -> bool:
        return (await scraped([port])).total("profile_messages_in_flight") == COMMANDS_IN_FLIGHT

    slow = {"BCRYPT_COST": "13", "HASHING_THREADS": "1", "HEALTH_PORT": str(port)}
    async with proxied_env(servers, tmp_path) as env, probed(env, WORKER, **slow) as (worker, ask):
        for _ in range(COMMANDS_IN_FLIGHT):
            await env.service.tell("profile.create", a_request("profile.create"))
        await eventually(all_are_in_flight)
        worker.process.send_signal(signal.SIGTERM)
        await has_logged(worker, "draining")
        status, body = await ask("/readyz")

    assert status == 503
    assert (body["status"], body["parts"]["work"]) == ("not ready", "draining")
