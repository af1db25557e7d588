"""Members of clusters die, hang and come back, and no client can tell. `make chaos-cluster` runs this."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.infrastructure.rabbitmq.topology import QueueType
from service.pkg.management_api import ManagementApi
from tests.cluster.member_faults import MemberFaults
from tests.cluster.silences import silences
from tests.cluster.upkeep import upkeep
from tests.faults.checker import violations
from tests.faults.cluster import SETTINGS, Cluster, sandbox_with_short_retries
from tests.faults.fault_injection import counted, disturb
from tests.faults.generators import COMMANDS_SHARE
from tests.faults.history import listening_on_any_node
from tests.faults.indexed_history import IndexedHistory
from tests.faults.records import History
from tests.faults.runs import LoadProfile, Trouble, recorded
from tests.faults.test_history import counts, write
from tests.integration.broker import administrating
from tests.integration.workers import CHEAP_WORKER
from tests.reaper import reaping
from tools.servers.environment import given_servers
from tools.servers.server_cluster import ServerCluster, running_cluster

# Each fault comes so often.
ROUNDS = int(os.environ.get("ROUNDS", "1"))
# Commands in a second that are asked for; a machine that cannot bear them gets as many as it can.
RATE = float(os.environ.get("RATE", "50"))
SEED = int(os.environ.get("SEED", "1"))
QUERIES: QueueType = "classic" if os.environ.get("QUERY_QUEUE_TYPE") == "classic" else "quorum"
# For how many seconds nobody may succeed after a fault, as `docs/howto/cluster.md` has it.
LONGEST = {"RabbitMQ node killed": 15.0, "MongoDB primary killed": 20.0}
# Seconds of peace after each fault.
PAUSES = (1.0, 3.0)
# One worker's clock is 30 s ahead of the other's.
AHEAD = ("tests.cluster.worker_ahead", "worker")


@pytest.fixture(scope="module")
def server_cluster() -> Iterator[ServerCluster]:
    """Three nodes of RabbitMQ, or those that the environment names, and three members of MongoDB."""
    with reaping(), running_cluster(broker=given_servers(os.environ).rabbitmq) as started:
        yield started


def member_trouble(servers: ServerCluster, seed: int, rounds: int) -> Trouble:
    """Return the trouble that members make, drawn by *seed*: each kind so many times."""

    async def trouble(cluster: Cluster, history: History) -> None:
        chance = random.Random(f"{seed}/members")  # noqa: S311 - to be repeated, not to be secret
        faults = MemberFaults(servers).by_name()
        await disturb(cluster, history, faults, pauses=PAUSES, chance=chance, rounds=rounds)

    return trouble


def pace(history: History) -> str:
    """Return how many commands were asked for, sent with all repetitions, and carried out, a second."""
    asked = IndexedHistory(history)
    firsts = [min(each.at for each in sendings) for sendings in asked.asked.values()]
    seconds = max(firsts) - min(firsts)
    done = sum(bool(asked.acknowledged(name)) for name in asked.asked)
    sent = sum(len(sendings) for sendings in asked.asked.values())
    rates = (
        f"{len(firsts) / seconds:.0f} asked for, {sent / seconds:.0f} sent, {done / seconds:.0f} acknowledged"
    )
    return f"{seconds:.0f} s, commands a second: {rates}"


def deprecated_features(management: ManagementApi) -> list[str]:
    """Return what is in use that RabbitMQ will take away; brokers before 3.13 cannot tell."""
    major, minor, *_ = management.get("overview")["rabbitmq_version"].split(".")
    if (int(major), int(minor)) < (3, 13):
        return []
    return [str(each["name"]) for each in management.get("deprecated-features", "used")]


def leaders(management: ManagementApi, vhost: str) -> Counter[str]:
    """Return how many queues each node leads."""
    return Counter(str(each["leader"]) for each in management.get("queues", vhost) if "leader" in each)


async def test_whichever_member_is_lost_nothing_is_lost_or_doubled(
    server_cluster: ServerCluster, tmp_path: Path
) -> None:
    with sandbox_with_short_retries(server_cluster.servers, QUERIES) as sandbox:
        async with administrating(sandbox) as broker:
            settings = {**SETTINGS, "QUERY_QUEUE_TYPE": QUERIES}
            cluster = Cluster(sandbox, tmp_path, broker, {}, settings, (CHEAP_WORKER, AHEAD))
            trouble = member_trouble(server_cluster, SEED, ROUNDS)
            led = await asyncio.to_thread(leaders, broker.management, sandbox.vhost)
            (beside := tmp_path / "upkeep").mkdir()
            async with upkeep(server_cluster.servers, beside, QUERIES) as kept:
                history = await recorded(
                    cluster, SEED, trouble, LoadProfile(rate=RATE / COMMANDS_SHARE), listening_on_any_node
                )
            deprecated = await asyncio.to_thread(deprecated_features, broker.management)
    wrong = violations(history)
    print(f"\nseed {SEED}, {ROUNDS} of each fault\n{counts(history, wrong)}")  # noqa: T201 - for the closing note
    print(pace(history))  # noqa: T201 - likewise
    quiet = silences(history)
    for name, each in quiet.items():
        print(  # noqa: T201 - for the closing note
            f"{name}: {each.times} times, at most {each.commands:.1f} s without a command, "
            f"{each.queries:.1f} s without a query"
        )
    print(kept)  # noqa: T201 - likewise
    print(*wrong[:50], *kept.wrong[:50], f"{write(history, SEED)}, logs: {tmp_path}", sep="\n")  # noqa: T201 - likewise

    assert wrong[:5] == []
    assert kept.wrong[:5] == []
    assert kept.deleted
    assert len(kept.kids) > 1
    assert kept.guesses["too_many_attempts"]
    assert deprecated == []
    assert len(led) == len(server_cluster.nodes) or not server_cluster.nodes
    assert set(counted(history)) == set(MemberFaults(server_cluster).by_name())
    assert min(counted(history).values()) >= ROUNDS
    for name in LONGEST.keys() & quiet.keys():
        assert max(quiet[name].commands, quiet[name].queries) <= LONGEST[name], name
    assert IndexedHistory(history).effects
