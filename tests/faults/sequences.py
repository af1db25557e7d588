"""Does everything come in its order: versions, the owners of addresses, what a client reads?"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.faults.indexed_history import IndexedHistory
from tests.faults.records import Answer, Sent

# The version of what is deleted: nothing comes after it.
_GONE: Final = float("inf")


def gaps(run: IndexedHistory) -> Iterator[str]:
    """Say of which things the versions are not 1, 2, 3 and so on, up to the one that is stored."""
    for thing, commits in run.lives.items():
        versions = [commit.version for commit in commits]
        if versions != list(range(1, len(versions) + 1)):
            yield f"gap: {thing} had the versions {versions}"
        stored = run.history.stored.get(thing)
        if (now := stored and stored.version) != versions[-1]:
            yield f"gap: {thing} was at version {versions[-1]}, and now it is at {now}"
    for thing in run.history.stored.keys() - run.lives.keys():
        yield f"gap: {thing} is there, and nobody saw it made"


def shared_addresses(run: IndexedHistory) -> Iterator[str]:
    """Say which two profiles were alive with one address, at any time."""
    owners: dict[str, str] = {}
    for commit in run.history.commits:
        if commit.kind == "profile" and (commit.address or commit.status == "deleted"):
            owners = {address: owner for address, owner in owners.items() if owner != commit.thing}
        if commit.address:
            if other := owners.get(commit.address):
                yield f"shared address: {commit.thing} took {commit.address} from {other}"
            owners[commit.address] = commit.thing


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a client saw of a thing, between asking and hearing."""

    began: float
    ended: float
    thing: str
    version: float


def backward_reads(run: IndexedHistory) -> Iterator[str]:
    """Say which clients have read an older version than they knew already."""
    by_client: dict[int, list[_Sight]] = defaultdict(list)
    for sent in run.history.sent:
        for answer in run.answers.get(sent.key, []):
            by_client[sent.client] += _sights(sent, answer)
    for client, sights in by_client.items():
        for sight, known in _beside_known(sights):
            if sight.version < known:
                yield f"backward: client {client} read {sight.thing} at version {sight.version} after {known}"


def _beside_known(sights: list[_Sight]) -> Iterator[tuple[_Sight, float]]:
    """Return each read with the newest version that was known of that thing when it was begun."""
    known: dict[str, float] = {}
    ended = sorted(sights, key=lambda sight: sight.ended, reverse=True)
    for sight in sorted(sights, key=lambda sight: sight.began):
        while ended and ended[-1].ended < sight.began:
            seen = ended.pop()
            known[seen.thing] = max(seen.version, known.get(seen.thing, 0))
        yield sight, known.get(sight.thing, 0)


def _sights(sent: Sent, answer: Answer) -> Iterator[_Sight]:
    """Return what *answer* shows of things: as they are, also if it is that to a repeated command."""
    for found in answer.result.get("items", [answer.result]):
        if "version" in found:
            yield _Sight(sent.at, answer.at, found["id"], found["version"])
        elif found.get("status") == "deleted":
            yield _Sight(sent.at, answer.at, found["id"], _GONE)
    if (answer.reason or "").endswith("_not_found") and "id" in sent.body:
        yield _Sight(sent.at, answer.at, sent.body["id"], _GONE)
