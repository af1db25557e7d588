"""Doing something to many letters, with a bar that shows how far it is and a line in the audit trail."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress
from yarl import URL

from service.cli.auditing import record
from service.cli.explaining import explained
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.dead_letter import DeadLetter, DeadLetterFilter
from service.infrastructure.rabbitmq.dead_letter_queues import DeadLetters, opened, throttled
from service.pkg.signals import run_until_told


def _nothing(_letter: DeadLetter) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done to some letters of a queue.

    Attributes:
        event: What the audit trail calls it.
        do: Does it to one letter.
        hindrance: Why it must not be done to a letter, or `None`.
        most: The number of letters to do it to, at most.
        per_second: How fast, at most.

    """

    event: str
    queue: str
    wanted: DeadLetterFilter
    do: Callable[[DeadLetters, DeadLetter], Awaitable[None]]
    hindrance: Callable[[DeadLetter], str | None] = _nothing
    most: int | None = None
    per_second: float | None = None
    dry_run: bool = False


@dataclass(slots=True)
class BulkResult:
    """What came of it.

    Attributes:
        done: How many letters it was done to.
        left: How many it was not done to, by the reason.

    """

    done: int = 0
    left: Counter[str] = field(default_factory=Counter)


def carry_out(move: Move, url: str) -> BulkResult:
    """Do it, and record it, even if it ends half-way: by an error, or by a signal."""
    tally = BulkResult()
    try:
        with explained():
            run_until_told(_carry_out(move, url, tally))
    finally:
        if tally.done and not move.dry_run:
            about = {"broker_user": URL(url).user, "reason": move.wanted.reason, "code": move.wanted.code}
            record(move.event, queue=move.queue, count=tally.done, **about)
    return tally


async def _carry_out(move: Move, url: str, tally: BulkResult) -> None:
    async with opened(with_connection_name(url, "profilectl")) as box, box.leased(move.queue) as letters:
        chosen = _chosen(move, letters, tally)
        if move.dry_run:
            tally.done = len(chosen)
            return
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(move.queue, total=len(chosen))
            async for letter in throttled(chosen, move.per_second):
                await move.do(box, letter)
                tally.done += 1
                progress.advance(bar)
        if rest := len(chosen) - tally.done:
            tally.left["there was no time for more; run it again"] = rest


def _chosen(move: Move, letters: list[DeadLetter], tally: BulkResult) -> list[DeadLetter]:
    chosen = []
    for letter in move.wanted.of(letters):
        if hindrance := move.hindrance(letter):
            tally.left[hindrance] += 1
        else:
            chosen.append(letter)
    return chosen[: move.most]
