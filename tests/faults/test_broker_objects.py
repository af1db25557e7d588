"""What stands on the broker is deleted, or made again by somebody as something else."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from service.infrastructure.rabbitmq.definitions import PERMISSIONS, definitions
from service.infrastructure.rabbitmq.topology import CASCADE_EVENTS, CASCADE_QUEUE, topology
from service.pkg.management_api import ManagementApi
from tests.at_length import at_length
from tests.faults.alarms import memory_alarm, node_of
from tests.faults.proxied_env import ProxiedEnv, has_logged, proxied_env
from tests.faults.test_probes import WELL, bindings_of, probed, says
from tests.integration.broker import administrating
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.operators import letters_in, profilectl
from tests.integration.workers import working
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.servers.sandbox import sandbox as new_sandbox
from tools.servers.waiting import wait_until
from tools.worker import Worker

AMISS = "post.get exists as a quorum queue and has to be classic"


async def reconnect(stage: ProxiedEnv) -> None:
    """Break the connections of the worker."""
    for purpose in (" consume", " publish"):
        (connection,) = await eventually(partial(stage.broker.connections, purpose))
        await stage.broker.close_connection(connection["name"])


unmade = partial(probed, DECLARE_TOPOLOGY="false")


async def told(stage: ProxiedEnv) -> bool:
    """Return whether everything in the outboxes is told."""
    return await stage.database["profiles"].find_one({"outbox.0": {"$exists": True}}) is None


async def test_a_queue_of_another_type_takes_no_other_queue_with_it(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as stage, probed(stage) as (worker, ask):
        await stage.broker.channel.queue_delete("post.get")
        await stage.broker.channel.declare_queue(
            "post.get", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await reconnect(stage)
        changed = await stage.ask(1)
        seen = await stage.service.ask("post.get", {"id": str(uuid4())})
        await has_logged(worker, "not as it has to be", AMISS)
        status, body = await eventually(lambda: _differing(ask), within=30)

    assert changed["ok"]
    assert seen["error"]["code"] == "not_found"  # it is consumed from all the same
    assert (status, body["status"], body["parts"]["queues"]) == (200, "degraded", "ok")
    assert body["parts"]["differences"].startswith(AMISS)


async def _differing(ask: Any) -> Any:
    answer = await ask("/readyz")
    return answer if answer[1]["parts"]["differences"] != "ok" else None


@pytest.mark.parametrize(
    "name", ["profile.commands", *at_length("profile.events", "profile.unroutable", "profile.retry.5s")]
)
async def test_an_exchange_that_is_deleted_is_made_again_with_its_bindings(
    servers: Servers, tmp_path: Path, name: str
) -> None:
    async with proxied_env(servers, tmp_path) as stage, probed(stage) as (worker, ask):
        before = await stage.broker.look_here("exchanges", name, "bindings", "source")
        await stage.broker.channel.exchange_delete(name)
        await has_logged(worker, "made again", name)

        async def bound_again() -> bool:
            return await _bindings_from(stage, name) == _keys(before)

        await eventually(bound_again, within=30)
        changed = await stage.ask(1)
        await eventually(lambda: told(stage), within=30)
        await says(ask, 200, "ready")
        await reconnect(stage)
        again = await stage.ask(2)

    assert (changed["ok"], again["ok"]) == (True, True)


async def _bindings_from(stage: ProxiedEnv, name: str) -> set[tuple[str, str]]:
    return _keys(await stage.broker.look_here("exchanges", name, "bindings", "source"))


def _keys(bindings: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(each["destination"], each["routing_key"]) for each in bindings}


@pytest.mark.at_length
async def test_events_that_lost_their_way_find_it_again(servers: Servers, tmp_path: Path) -> None:
    """Somebody deletes the exchange of events, and makes it again: its bindings are gone."""
    async with proxied_env(servers, tmp_path) as stage, probed(stage) as (_, ask):
        await stage.broker.channel.exchange_delete("profile.events")
        await stage.broker.channel.declare_exchange("profile.events", "topic", durable=True)
        for number in range(20):
            assert (await stage.ask(number))["ok"]
        await eventually(lambda: told(stage), within=30)
        bound = await bindings_of(stage, CASCADE_QUEUE)
        await says(ask, 200, "ready")

    assert bound == {("", CASCADE_QUEUE), *(("profile.events", key) for key in CASCADE_EVENTS)}


@pytest.mark.at_length
async def test_where_nothing_is_to_be_made_it_says_what_is_missing(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as stage, unmade(stage) as (worker, ask):
        await says(ask, 200, "ready")
        await stage.broker.channel.exchange_delete("profile.events")
        await stage.broker.channel.queue_delete("post.get")
        sentences = [
            f"{name} is missing: run `profilectl topology apply`" for name in ("profile.events", "post.get")
        ]
        await says(ask, 503, "not ready", topology="; ".join(sentences), queues="not consumed: post.get")
        for each in sentences:
            await has_logged(worker, "not as it has to be", each)
        await stage.broker.channel.declare_exchange("profile.events", "topic", durable=True)
        queue = await stage.broker.channel.declare_queue("post.get", durable=True)
        await says(ask, 200, "ready")
        assert queue.declaration_result.consumer_count == 0
        seen = await stage.service.ask("post.get", {"id": str(uuid4())})

    assert seen["error"]["code"] == "not_found"


async def test_needed_events_that_no_queue_takes_are_told(servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(servers, tmp_path) as stage, probed(stage, DECLARE_TOPOLOGY="false") as (_, ask):
        followups = await stage.broker.channel.get_queue(CASCADE_QUEUE, ensure=False)
        await followups.unbind("profile.events", "profile.updated")
        assert (await stage.ask(1))["ok"]
        await says(ask, 503, "not ready", events="no queue takes profile.updated")
        await followups.bind("profile.events", "profile.updated")
        await says(ask, 200, "ready")
        assert await eventually(lambda: told(stage), within=30)  # it is ready once the broker has it


async def test_an_ordinary_reconnect_is_a_few_lines_in_the_log(servers: Servers, tmp_path: Path) -> None:
    slow = {"BCRYPT_COST": "12"}
    async with proxied_env(servers, tmp_path) as stage:
        settings = {**settings_for(stage.sandbox), **slow}
        async with working(stage.sandbox, tmp_path, settings) as worker:
            await stage.ask(0)
            before = len(worker.log.read_text().splitlines())
            asking = [asyncio.ensure_future(stage.ask(number)) for number in range(100)]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            await reconnect(stage)
            await stage.ask(1)
            lines = worker.log.read_text().splitlines()[before:]
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    loud = [line for line in lines if '"level": "error"' in line or '"level": "critical"' in line]
    assert loud == []
    assert len([line for line in lines if '"level": "warning"' in line]) < 12, lines


@contextmanager
def without_policies(servers: Servers) -> Iterator[Sandbox]:
    """Give a virtual host with everything but policies."""
    with new_sandbox(servers, {**definitions(topology()), "policies": []}) as sandbox:
        yield sandbox


def console(sandbox: Sandbox) -> str:
    """Return the management API's address, as the administrator's."""
    user = sandbox.admin_url.partition("://")[2].partition("@")[0]
    return sandbox.management_url.replace("://", f"://{user}@")


async def test_commands_come_back_where_no_policy_brings_them(servers: Servers, tmp_path: Path) -> None:
    with without_policies(servers) as sandbox:
        async with proxied_env(servers, tmp_path, given=sandbox) as stage, probed(stage) as (worker, ask):
            # What somebody else has put there waits for ever: only the first of a queue can expire.
            stuck = stage.service.message(stage.change(1), message_id=uuid4().hex, delivery_mode=2)
            waiting = await stage.service.channel.get_exchange("profile.retry.5s", ensure=False)
            await waiting.publish(stuck, "profile.update")
            await has_logged(worker, "commands would wait for ever", "profile.retry.5s", within=60)

            async def is_degraded() -> bool:
                status, body = await ask("/readyz")
                return (status, body["status"]) == (200, "degraded") and "profile.retry.5s" in body["parts"][
                    "policies"
                ]

            assert await eventually(is_degraded, within=20)

            async def stuck_one_is_done() -> bool:
                return sum(await stage.versions()) == len(stage.profiles) + 1

            await eventually(stuck_one_is_done, within=40)
            stage.proxy.cut()
            await stage.tell(2)
            await asyncio.to_thread(_wait_for_a_request, worker)
            stage.proxy.mend()

            async def both_are_done() -> bool:
                return sum(await stage.versions()) == len(stage.profiles) + 2

            await eventually(both_are_done, within=60)


def _wait_for_a_request(worker: Worker) -> None:
    wait_until(lambda: "unavailable" in worker.log.read_text(), within=30)


async def test_missing_policies_are_made_by_who_may(servers: Servers, tmp_path: Path) -> None:
    with without_policies(servers) as sandbox:
        async with administrating(sandbox) as broker:
            settings = {**settings_for(sandbox), "RABBITMQ_MANAGEMENT_URL": console(sandbox)}
            async with working(sandbox, tmp_path, settings):
                made = {each["name"] for each in await broker.look_here("policies")}

    assert made == {each.name for each in topology().policies}


@pytest.mark.at_length
async def test_operators_are_told_of_an_alarm_and_no_letter_is_lost(own_servers: Servers) -> None:
    dead, which = "profile.delete.dlq", ("profile.delete", "--reason", "internal_error")
    commands = [("topology", "check"), ("dlq", "replay", *which), ("dlq", "park", *which)]
    with new_sandbox(own_servers, definitions(topology())) as sandbox:
        async with administrating(sandbox) as broker, letters_in(sandbox) as letters:
            node = await node_of(broker)
            assert node, "only a broker that we started can be told to raise an alarm"
            await letters.put(dead, "a", "b")
            async with memory_alarm(node):
                checked, *moved = [await profilectl(sandbox, *words) for words in commands]
            kept = await letters.ids(dead)

    assert checked.code == 2
    assert "is not known: RabbitMQ has taken no message for 5 seconds: is there an alarm?" in checked.err
    assert "All else stands as it should." in checked.err
    assert [each.code for each in moved] == [7, 7]
    assert [each.audit for each in moved] == [[], []]
    assert all("is there an alarm? What was not moved yet stays where it is" in each.err for each in moved)
    assert kept == ["a", "b"]


async def test_a_broker_that_hangs_is_told_within_seconds(own_servers: Servers, tmp_path: Path) -> None:
    async with proxied_env(own_servers, tmp_path) as stage, probed(stage) as (_, ask):
        node = await node_of(stage.broker)
        assert node, "only a broker that we started can be stopped"
        (facts, *_others) = await stage.broker.look("nodes")
        pid = int(facts["os_pid"])
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                status, body = await ask("/readyz")
        finally:
            os.kill(pid, signal.SIGCONT)
        await says(ask, 200, "ready")

    assert (status, body["parts"]["broker"]) == (503, "away, or blocked by an alarm")
    assert body["parts"].keys() == WELL.keys()


def test_definitions_without_users_are_imported_and_leave_passwords_alone(own_servers: Servers) -> None:
    """With users, each import makes the names their passwords again."""
    management = ManagementApi.of(own_servers.management_url, own_servers.rabbitmq_url)
    whole = definitions(topology())
    management.post("definitions", body=whole)
    known = _password_hashes(management)
    for name in PERMISSIONS:
        management.put("users", name, body={"password": "one of our own", "tags": ""})
    ours = _password_hashes(management)
    management.post("definitions", body={key: each for key, each in whole.items() if key != "users"})
    left = _password_hashes(management)
    management.post("definitions", body=whole)

    assert left == ours
    assert not known.items() & ours.items()
    assert _password_hashes(management) == known


def _password_hashes(management: ManagementApi) -> dict[str, str]:
    found = management.get("users")
    return {each["name"]: each["password_hash"] for each in found if each["name"] in PERMISSIONS}
