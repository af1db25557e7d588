"""Queues on a screen, and the sentences about them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.box import SIMPLE
from rich.table import Column, Table

from service.infrastructure.mongo.outbox import Backlog
from service.infrastructure.rabbitmq.queue_depths import Depth
from service.infrastructure.rabbitmq.topology import CONSUMED, DEAD_LETTERS, PARKED, RETRIES

# From so many seconds on, minutes say enough.
_MINUTES_FROM: Final = 120


def is_wrong(depth: Depth) -> bool:
    """Return whether a queue is missing, or nobody consumes it and somebody should."""
    return not depth.exists or (depth.queue in CONSUMED and not depth.consumers)


def table(found: Sequence[Depth], rates: Mapping[str, float] | None = None) -> Table:
    """Return the queues that there is something to say of; with *rates*, how fast each of them changes."""
    shown = Table(
        Column("queue", no_wrap=True),
        Column("waiting", justify="right"),
        *([Column("a second", justify="right")] if rates is not None else []),
        Column("consumers", justify="right"),
        box=SIMPLE,
    )
    for each in (each for each in found if each.ready or is_wrong(each) or (rates or {}).get(each.queue)):
        change = [] if rates is None else [f"{rates.get(each.queue, 0):+.1f}"]
        consumers = str(each.consumers) if each.queue in CONSUMED else ""
        shown.add_row(each.queue, str(each.ready) if each.exists else "missing", *change, consumers)
    return shown


def lines(
    found: Sequence[Depth], backlog: Backlog | None, retention_at: datetime | None, now: datetime
) -> Iterator[str]:
    """Say what there is to say beside the table."""
    consumed = [each for each in found if each.queue in CONSUMED]
    idle = [each.queue for each in consumed if is_wrong(each)]
    yield f"No worker consumes {', '.join(idle)}." if idle else f"All {len(consumed)} queues are consumed."
    yield (
        f"Waiting: {_sum(found, CONSUMED)}. To be tried again: {_sum(found, RETRIES)}. Dead letters: "
        f"{sum(each.ready for each in found if each.queue.endswith(DEAD_LETTERS))}, "
        f"and {_sum(found, (PARKED,))} parked."
    )
    if backlog is not None:
        yield _published(backlog, now)
    if retention_at is not None:
        yield f"Last looked for what is to be erased {_ago(retention_at, now)}."


def _published(backlog: Backlog, now: datetime) -> str:
    if backlog.oldest is None:
        return "All events are published."
    return f"{backlog.events} events are not published yet, the oldest of {_ago(backlog.oldest, now)}."


def _sum(found: Sequence[Depth], names: Mapping[str, int] | frozenset[str] | tuple[str, ...]) -> int:
    return sum(each.ready for each in found if each.queue in names)


def _ago(moment: datetime, now: datetime) -> str:
    seconds = max(0, round((now - moment).total_seconds()))
    return f"{seconds} s ago" if seconds < _MINUTES_FROM else f"{seconds // 60} min ago"
