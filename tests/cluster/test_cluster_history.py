"""Members of clusters die, hang and come back, and no client can tell. `make chaos-cluster` runs this."""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.infrastructure.rabbitmq.topology import QueueType
from tests.cluster.member_faults import MemberFaults
from tests.cluster.silences import silences
from tests.faults.checker import violations
from tests.faults.cluster import SETTINGS, Cluster, sandbox_with_short_retries
from tests.faults.fault_injection import counted, disturb
from tests.faults.history import listening_on_any_node
from tests.faults.indexed_history import IndexedHistory
from tests.faults.records import History
from tests.faults.runs import Trouble, recorded
from tests.faults.test_history import counts, write
from tests.integration.broker import administrating
from tests.reaper import reaping
from tools.servers.server_cluster import ServerCluster, running_cluster

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("SEED", "1"))
QUERIES: QueueType = "classic" if os.environ.get("QUERY_QUEUE_TYPE") == "classic" else "quorum"
# Seconds of peace after each fault.
PAUSES = (1.0, 3.0)


@pytest.fixture(scope="module")
def server_cluster() -> Iterator[ServerCluster]:
    """Three nodes of RabbitMQ, three members of MongoDB."""
    with reaping(), running_cluster() as started:
        yield started


def member_trouble(servers: ServerCluster, seed: int, seconds: float) -> Trouble:
    """Return the trouble that members make, drawn by *seed*, for so many *seconds*."""

    async def trouble(cluster: Cluster, history: History) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, over.set)
        chance = random.Random(f"{seed}/members")  # noqa: S311 - to be repeated, not to be secret
        faults = MemberFaults(servers).by_name()
        await disturb(cluster, history, faults, pauses=PAUSES, chance=chance, over=over)

    return trouble


async def test_whichever_member_is_lost_nothing_is_lost_or_doubled(
    server_cluster: ServerCluster, tmp_path: Path
) -> None:
    with sandbox_with_short_retries(server_cluster.servers, QUERIES, vhost="/") as sandbox:
        async with administrating(sandbox) as broker:
            settings = {**SETTINGS, "QUERY_QUEUE_TYPE": QUERIES}
            cluster = Cluster(sandbox, tmp_path, broker, {}, settings)
            trouble = member_trouble(server_cluster, SEED, SECONDS)
            history = await recorded(cluster, SEED, trouble, listen=listening_on_any_node)
    wrong = violations(history)
    print(f"\nseed {SEED}, {SECONDS:g} s\n{counts(history, wrong)}")  # noqa: T201 - for the closing note
    for name, each in silences(history).items():
        print(  # noqa: T201 - for the closing note
            f"{name}: {each.times} times, at most {each.commands:.1f} s without a command, "
            f"{each.queries:.1f} s without a query"
        )
    print(*wrong[:50], f"{write(history, SEED)}, logs: {tmp_path}", sep="\n")  # noqa: T201 - likewise

    assert wrong[:5] == []
    assert counted(history).total() > 0
    assert IndexedHistory(history).effects
