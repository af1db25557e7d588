"""Doing something to many letters, with a bar that shows how far it is and a line in the audit trail."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress

from service.cli.auditing import record
from service.cli.brokers import first_of
from service.cli.reporting_errors import reporting_errors
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.dead_letter import DeadLetter, DeadLetterFilter
from service.infrastructure.rabbitmq.dead_letter_queues import DeadLetters, opened, throttled
from service.pkg.signals import finished, run_until_terminated


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """What is to be done to some letters of a queue.

    Attributes:
        event: What the audit trail calls it.
        do: Does it to one letter.
        skip_reason: Why it must not be done to a letter, or `None`.
        limit: The number of letters to do it to, at most.
        per_second: How fast, at most.

    """

    event: str
    queue: str
    wanted: DeadLetterFilter
    do: Callable[[DeadLetters, DeadLetter], Awaitable[None]]
    skip_reason: Callable[[DeadLetter], str | None] = lambda _: None
    limit: int | None = None
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


def run_bulk_operation(operation: BulkOperation, url: str) -> BulkResult:
    """Do it, and record it, even if it ends half-way: by an error, or by a signal."""
    result = BulkResult()
    try:
        with reporting_errors():
            run_until_terminated(_run(operation, url, result))
    finally:
        if result.done and not operation.dry_run:
            about = {
                "broker_user": first_of(url).user,
                "reason": operation.wanted.reason,
                "code": operation.wanted.code,
            }
            record(operation.event, queue=operation.queue, count=result.done, **about)
    return result


async def _run(operation: BulkOperation, url: str, result: BulkResult) -> None:
    async with opened(with_connection_name(url, "profilectl")) as box, box.leased(operation.queue) as letters:
        selected = _selected(operation, letters, result)
        if operation.dry_run:
            result.done = len(selected)
            return
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(operation.queue, total=len(selected))

            async def one(letter: DeadLetter) -> None:
                await operation.do(box, letter)
                result.done += 1
                progress.advance(bar)

            async for letter in throttled(selected, operation.per_second):
                await finished(one(letter))
        if rest := len(selected) - result.done:
            result.left["there was no time for more; run it again"] = rest


def _selected(operation: BulkOperation, letters: list[DeadLetter], result: BulkResult) -> list[DeadLetter]:
    selected = []
    for letter in operation.wanted.of(letters):
        if skip_reason := operation.skip_reason(letter):
            result.left[skip_reason] += 1
        else:
            selected.append(letter)
    return selected[: operation.limit]
