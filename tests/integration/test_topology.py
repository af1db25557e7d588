"""What stands on the broker, how the worker appears in the console."""

import socket
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.broker import Broker
from tests.integration.gateway import connected, eventually
from tests.integration.replies import refusal
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.workers import logged
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

QUERIES = (
    *("profile.get", "profile.list", "profile.find", "profile.export"),
    *("auth.verify", "auth.keys", "auth.sessions"),
    *("auth.start_reset", "auth.start_verification", "auth.totp_enroll"),
    *("post.get", "post.list"),
)
COMMANDS = tuple(operation for operation in OPERATIONS if operation not in QUERIES)
PREFETCH = {
    **dict.fromkeys(OPERATIONS, 64),
    **dict.fromkeys(COMMANDS, 16),
    "auth.login": 128,
    "profile.followup": 16,
    "profile.unroutable": 16,
}
WORKER = f"profile-service@{socket.gethostname()}"

pytestmark = pytest.mark.usefixtures("worker")


async def of_operations(broker: Broker) -> list[dict[str, Any]]:
    """Return the consumers, but for those of probes that workers send to themselves, and of gateways here."""
    found = await broker.look_here("consumers")
    return [each for each in found if not each["queue"]["name"].startswith(("profile.probe.", "gateway."))]


async def test_the_console_shows_three_named_connections_of_the_worker(
    broker: Broker, worker: Worker
) -> None:
    async def look() -> bool:
        found = await broker.connections("")
        names = sorted(each.get("user_provided_name", "") for each in found)
        return [name for name in names if name.startswith(WORKER)] == [
            f"{WORKER}:{worker.process.pid} consume",
            f"{WORKER}:{worker.process.pid} publish",
            f"{WORKER}:{worker.process.pid} reply",
        ]

    assert await eventually(look)


async def test_the_console_shows_which_process_consumes_from_a_queue(broker: Broker, worker: Worker) -> None:
    async def look() -> dict[str, str]:
        consumers = await of_operations(broker)
        tags = {each["queue"]["name"]: each["consumer_tag"] for each in consumers}
        return tags if len(consumers) == len(PREFETCH) else {}

    for queue, tag in (await eventually(look)).items():
        assert tag.startswith(f"{WORKER}:{worker.process.pid} {queue} ")


async def test_each_queue_has_a_channel_and_a_prefetch_of_its_own(broker: Broker) -> None:
    async def look() -> dict[str, Any]:
        # A channel that the console has not heard of yet is an empty list.
        consumers = [each for each in await of_operations(broker) if each["channel_details"]]
        return {each["queue"]["name"]: each for each in consumers} if len(consumers) == len(PREFETCH) else {}

    consumers = await eventually(look)

    assert {name: each["prefetch_count"] for name, each in consumers.items()} == PREFETCH
    assert len({each["channel_details"]["name"] for each in consumers.values()}) == len(PREFETCH)
    assert len({each["channel_details"]["connection_name"] for each in consumers.values()}) == 1
    assert all(each["ack_required"] for each in consumers.values())


async def test_commands_wait_in_quorum_queues_and_queries_in_classic_ones(broker: Broker) -> None:
    queues = {each["name"]: each for each in await broker.look_here("queues")}

    for operation in OPERATIONS:
        expected = "quorum" if operation in COMMANDS else "classic"

        assert queues[operation]["type"] == expected
        assert queues[operation]["durable"]
        assert queues[operation]["arguments"] == {"x-queue-type": expected}
        assert queues[f"{operation}.dlq"]["type"] == "quorum"
    assert queues["profile.unroutable"]["type"] == "quorum"


async def test_limits_are_policies_which_operators_can_change(broker: Broker) -> None:
    async def look() -> dict[str, dict[str, Any]]:
        queues = await broker.look_here("queues")
        return {each["name"]: each for each in queues} if all("policy" in each for each in queues) else {}

    queues = await eventually(look)
    day = 24 * 60 * 60 * 1000
    for operation in OPERATIONS:
        name = "profile-commands" if operation in COMMANDS else "profile-queries"

        assert queues[operation]["policy"] == name

        limits = queues[operation]["effective_policy_definition"]

        assert limits["overflow"] == "reject-publish"
        assert limits["max-length"] > 0
        assert ("delivery-limit" in limits) is (operation in COMMANDS)
        assert ("message-ttl" in limits) is (operation not in COMMANDS)
        # The broker would keep what it dead-letters as it came, with its password.
        assert "dead-letter-exchange" not in limits

        letters = queues[f"{operation}.dlq"]

        assert letters["policy"] == "profile-dead-letters"
        assert letters["effective_policy_definition"] == {
            "delivery-limit": 1_000_000,
            "max-length": 50_000,
            "max-length-bytes": 64 * 1024 * 1024,
            "message-ttl": 14 * day,
        }
    assert queues["profile.unroutable"]["policy"] == "profile-unroutable"
    assert queues["profile.unroutable"]["effective_policy_definition"]["message-ttl"] == day


async def test_who_misspells_a_routing_key_hears_so_at_once_and_nothing_is_kept(
    sandbox: Sandbox, broker: Broker, worker: Worker
) -> None:
    canary = f"canary-{uuid4().hex}"
    body = a_request("profile.create", password=canary)
    async with connected(sandbox.gateway_url) as gateway:
        reply = await gateway.ask("profile.crate", body, timeout=5)
        await gateway.tell("profile.crate", body)
        await gateway.tell(canary, body, reply_to="profile.create")

    async def all_gone() -> bool:
        return bool((await broker.look_here("queues", "profile.unroutable")).get("messages") == 0)

    assert refusal(reply) == ("invalid", "unknown_operation")
    assert await eventually(all_gone)
    await logged(worker, '"routing_key": "profile.crate"')
    assert canary not in worker.log.read_text()


async def test_the_users_of_the_definitions_may_not_log_in_to_the_console(broker: Broker) -> None:
    for name in ("profile-service", "gateway"):
        assert (await broker.look("users", name))["tags"] in ("", [])
