"""Everything goes wrong, at random, and no client can tell. `make chaos` sets `CHAOS_SECONDS` and `SEED`."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.checker import violations
from tests.faults.cluster import cluster_of
from tests.faults.fault_injection import counted
from tests.faults.indexed_history import IndexedHistory
from tests.faults.records import History
from tests.faults.runs import every_trouble, recorded
from tools.servers import Servers

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("SEED", "1"))


def counts(history: History, wrong: list[str]) -> str:
    """Return what happened, in numbers."""
    run, faults, heard = IndexedHistory(history), counted(history), history.told
    repeated = sum(len(sendings) - 1 for sendings in run.asked.values())
    suppressed = sum(max(0, len(run.acknowledged(name)) - 1) for name in run.asked)
    told = sum(not sent.waits for sent in history.sent)
    not_taken = sum(not sent.is_taken and sent.patience is None for sent in history.sent)
    kinds = Counter(sentence.partition(":")[0] for sentence in wrong)
    return "\n".join(
        (
            f"{len(run.asked)} commands, sent again {repeated} times, {told} sendings without waiting",
            f"{len(history.sent)} requests in all, {len(history.answers)} replies",
            f"{not_taken} without a limit that the broker never confirmed",
            f"{suppressed} duplicates suppressed",
            f"{len(history.commits)} commits, {len(heard.bodies)} events, told {len(heard.ids)} times",
            f"{faults.total()} faults: "
            + ", ".join(f"{name} {count}" for name, count in sorted(faults.items())),
            f"{len(history.dead_lettered)} set aside, because workers had died over them too often",
            f"lost {kinds['lost']}, doubled {kinds['doubled']}, wrong in all {len(wrong)}",
        )
    )


def write(history: History, seed: int) -> Path:
    """Write *history* down, and return where."""
    path = ROOT / "build" / f"history-{seed}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(history.lines()))
    return path


@pytest.mark.parametrize("seed", [SEED])
async def test_whatever_goes_wrong_the_history_is_that_of_a_correct_service(
    own_servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with cluster_of(own_servers, tmp_path) as cluster:
        history = await recorded(cluster, seed, every_trouble(seed, SECONDS))
    wrong = violations(history)
    print(f"\nseed {seed}, {SECONDS:g} s\n{counts(history, wrong)}")  # noqa: T201 - for the closing note
    if wrong:
        print(*wrong[:50], f"seed {seed}: {write(history, seed)}", f"logs: {tmp_path}", sep="\n")  # noqa: T201

    assert wrong[:5] == []
    assert counted(history).total() > 0
    assert IndexedHistory(history).effects
