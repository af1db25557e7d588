"""Is a history one that a correct service may have? Every way in which it is not, in words."""

import math
from collections.abc import Iterator
from typing import Final

from service.infrastructure.inputports.amqp.deadlines import DATABASE_SHARE
from tests.faults.indexed_history import IndexedHistory
from tests.faults.invariants import (
    dead_lettered,
    differing,
    doubled,
    lost,
    orphans,
    refused_for_nothing,
    unasked,
    untrue,
)
from tests.faults.records import Answer, Commit, History, Sent
from tests.faults.sequences import backward_reads, gaps, shared_addresses

# Clocks of the sender and of the worker may differ by so much.
_TICK: Final = 0.05


def violations(history: History) -> list[str]:
    """Return everything that is wrong with *history*; nothing, if it is as it has to be."""
    run = IndexedHistory(history)
    return [sentence for check in _CHECKS for sentence in check(run)]


def _untold(run: IndexedHistory) -> Iterator[str]:
    """Say which commits have no event, and which events no commit."""
    due = {name for commit in run.history.commits for name in _events_of(commit)}
    # The keys are files, and a command that failed left nothing.
    others = ("auth.keys_rotated", "command.failed")
    heard = {name for name in run.history.told.bodies if not name.startswith(others)}
    yield from (f"untold: {name}" for name in sorted(due - heard))
    yield from (f"untrue event: {name} is of no commit" for name in sorted(heard - due))
    for name, bodies in run.history.told.bodies.items():
        # One that is delivered again fails again, at another time.
        if len(bodies) > 1 and not name.startswith("command.failed"):
            yield f"untrue event: {name} was told in {len(bodies)} ways"


def _events_of(commit: Commit) -> Iterator[str]:
    """Return the names of the events that *commit* stands for."""
    happened = "deleted" if commit.status == "deleted" else "created" if commit.version == 1 else "updated"
    yield f"{commit.kind}.{happened}/{commit.thing}/{commit.version}"
    if happened == "deleted" and commit.kind == "profile":
        yield f"auth.session_revoked/{commit.thing}/{commit.version}"


def _told_out_of_order(run: IndexedHistory) -> Iterator[str]:
    """Say which events came before those of earlier versions."""
    last: dict[str, int] = {}
    for name in dict.fromkeys(run.history.told.ids):
        kind, thing, version = name.split("/") if name.count("/") == 2 else ("", "", "0")
        if kind.startswith(("profile.", "post.")):
            if int(version) < last.get(thing, 0):
                yield f"out of order: {name} came after version {last[thing]}"
            last[thing] = int(version)


def _unanswered(run: IndexedHistory) -> Iterator[str]:
    """Say which requests of a living caller were neither answered nor expired.

    What the broker never said that it has may come to a worker minutes later, and its reply to nobody:
    RabbitMQ 3.10 does so with what is sent while its queue's leader is cut off.
    """
    sent_by_key = {sent.key: sent for sent in run.history.sent}
    for sent in run.history.sent:
        is_owed = sent.waits and sent.is_taken and sent.patience is None
        if is_owed and not run.answers.get(sent.key):
            yield f"unanswered: {sent.queue} {sent.key} ({sent.command})"
    for key, answers in run.answers.items():
        if (sent_before := sent_by_key.get(key)) is None:
            yield f"unanswered: a reply to {key}, which nobody sent"
        elif any(_is_early(answer.at - sent_before.at, answer, sent_before) for answer in answers):
            yield f"unanswered: {key} was given up before its time"


def _is_early(seconds: float, answer: Answer, sent: Sent) -> bool:
    """Return whether a request was refused for being late when it was not; without a limit none ever is.

    Where the database is silent, the last tenth of the time is for telling so.
    """
    limit = math.inf if sent.patience is None else sent.patience
    return answer.reason == "out_of_time" and seconds < limit * DATABASE_SHARE - _TICK


_CHECKS: Final = (
    lost,
    dead_lettered,
    doubled,
    untrue,
    differing,
    refused_for_nothing,
    unasked,
    orphans,
    gaps,
    shared_addresses,
    backward_reads,
    _untold,
    _told_out_of_order,
    _unanswered,
)
