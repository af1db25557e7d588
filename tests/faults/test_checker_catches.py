"""Three bugs put in on purpose, each in two real workers: the checker has to see each of them."""

from collections import Counter
from pathlib import Path

import pytest

from tests.at_length import at_length
from tests.faults.checker import violations
from tests.faults.cluster import Cluster, cluster_of
from tests.faults.indexed_history import IndexedHistory
from tests.faults.records import History
from tests.faults.runs import LoadProfile, recorded
from tests.faults.worker_with_bug import BUGS, DEATHS, DEATHS_FILE
from tests.integration.gateway import eventually
from tools.servers import Servers

# Few, who ask again soon: some of what they ask for is lost.
LOAD_PROFILE = LoadProfile(clients=4, unlimited=5.0)
# By bug: what is said of it, among other things.
SEEN_AS = {
    "ack before the write": "lost",
    "no dedupe": "doubled",
    "event before the commit": "untrue event",
}

FIRST_BUG, *OTHER_BUGS = BUGS


async def until_it_has_died(cluster: Cluster, _history: History) -> None:
    """Wait until the workers have died as often as they do."""
    deaths = cluster.folder / DEATHS_FILE

    async def enough() -> bool:
        return deaths.exists() and deaths.stat().st_size >= DEATHS

    await eventually(enough, within=120)


async def until_much_was_repeated(_stage: Cluster, history: History) -> None:
    """Wait until some commands were answered more than once."""

    async def enough() -> bool:
        run = IndexedHistory(history)
        return sum(len(run.acknowledged(name)) > 1 for name in run.asked) >= 10

    await eventually(enough, within=120)


def test_every_bug_is_looked_for() -> None:
    assert SEEN_AS.keys() == BUGS.keys()


@pytest.mark.parametrize("bug", [FIRST_BUG, *at_length(*OTHER_BUGS)])
async def test_a_bug_put_in_on_purpose_is_seen(servers: Servers, tmp_path: Path, bug: str) -> None:
    trouble = until_much_was_repeated if bug == "no dedupe" else until_it_has_died
    async with cluster_of(servers, tmp_path, ("tests.faults.worker_with_bug", bug)) as cluster:
        history = await recorded(cluster, 1, trouble, LOAD_PROFILE)
    kinds = Counter(sentence.partition(":")[0] for sentence in violations(history))
    print(f"\n{bug}: {dict(kinds)}")  # noqa: T201 - for the closing note

    assert kinds[SEEN_AS[bug]] > 0
