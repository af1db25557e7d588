"""Every loop of a worker falls over once, and outboxes hold what nobody can read: nothing stops."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.faults.proxied_env import ProxiedEnv, has_logged, proxied_env
from tests.faults.test_probes import Ask, answer
from tests.integration.gateway import eventually
from tests.integration.workers import working
from tools.servers import Servers
from tools.servers.processes import free_port

LOOPS = {
    "relay",
    "retention",
    "keys",
    "root_keys",
    "circuit_breaker",
    "consumers",
    "watchdog",
    "topology",
    "delays",
    "confirms",
    "starving",
    "lag",
}
CHANGES = 200


async def counts_of(ask: Ask) -> dict[str, Any]:
    _, counts = await ask("/counts")
    background: dict[str, Any] = counts["background"]
    return background


async def all_is_told(env: ProxiedEnv) -> bool:
    """Return whether no event waits that can be told."""
    waiting = {"outbox": {"$elemMatch": {"held_by": {"$exists": False}}}}
    return await env.database["profiles"].find_one(waiting) is None


async def test_every_loop_falls_over_once_and_nothing_stops(servers: Servers, tmp_path: Path) -> None:
    async def all_have_fallen() -> bool:
        return {name for name, each in (await counts_of(ask)).items() if each["failures"]} == LOOPS

    async def told() -> bool:
        return await all_is_told(env)

    async def ask(path: str) -> tuple[int, dict[str, Any]]:
        return await asyncio.to_thread(answer, f"http://127.0.0.1:{port}{path}")

    async def change_until(over: asyncio.Event) -> int:
        done = 0
        while not over.is_set():
            done += (await env.ask(done))["ok"]
        return done

    port = free_port()
    async with proxied_env(servers, tmp_path) as env:
        settings = {**env.behind(), "HEALTH_PORT": str(port)}
        module = ("tests.faults.failing_loops",)
        async with working(env.sandbox, tmp_path, settings, module=module) as worker:
            over = asyncio.Event()
            changing = asyncio.create_task(change_until(over))
            await eventually(all_have_fallen, within=60)
            _, seen = await ask("/readyz")
            env.proxy.cut()  # the watcher of outages goes on, too
            await has_logged(worker, "database away")
            env.proxy.mend()
            await has_logged(worker, "database back")
            over.set()
            changed = await changing
            await eventually(told, within=30)
            log = await asyncio.to_thread(worker.log.read_text)

    assert changed
    assert "Unforeseen" in seen["parts"]["background"]
    assert log.count('"event": "loop failed"') == len(LOOPS)
    assert "somebody@example.org" not in log


async def test_what_nobody_can_read_keeps_no_event_back(servers: Servers, tmp_path: Path) -> None:
    async def is_seen() -> bool:
        counts = await counts_of(ask)
        return bool(counts["relay"]["skipped"] == len(env.profiles))

    async def told() -> bool:
        return await all_is_told(env)

    async def ask(path: str) -> tuple[int, dict[str, Any]]:
        return await asyncio.to_thread(answer, f"http://127.0.0.1:{port}{path}")

    port = free_port()
    async with proxied_env(servers, tmp_path) as env:
        profiles = env.database["profiles"]
        kinds: list[dict[str, Any]] = [
            {"type": "profile.renamed"},  # of a newer version
            {"subject": "ada"},
            {"data": {"id": 7}},  # it can be read, and is no event by the contract
            {"version": None},
        ]
        for each, spoilt in zip(env.profiles, kinds, strict=True):
            entry = {**(await profiles.find_one({"id": each.id}) or {})["outbox"][0], **spoilt}
            await profiles.update_one(
                {"id": each.id}, {"$push": {"outbox": {"$each": [entry], "$position": 0}}}
            )
        settings = {**env.behind(), "HEALTH_PORT": str(port)}
        async with working(env.sandbox, tmp_path, settings) as worker:
            replies = await asyncio.gather(*(env.ask(number) for number in range(CHANGES)))
            await eventually(is_seen, within=30)
            await eventually(told, within=30)
            kept = [len(each["outbox"]) async for each in profiles.find({}, {"outbox": 1})]
            works = await env.ask_once(1, uuid4().hex)
            log = await asyncio.to_thread(worker.log.read_text)

    assert all(each["ok"] for each in [*replies, works])
    assert kept == [1] * len(env.profiles)
    assert log.count('"event": "item skipped"') == len(env.profiles)
