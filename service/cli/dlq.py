"""What could not be handled: looking, sending back, putting away, deleting."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer

from profile_contracts.operations import OPERATIONS
from service.cli.brokers import AsJson, BrokerUrl, Yes, first_of
from service.cli.bulk_operation import BulkOperation, BulkResult, run_bulk_operation
from service.cli.dlq_view import as_data, letters_as_data, overview, write_out
from service.cli.exit_codes import DONE, MISUSED
from service.cli.reporting_errors import reporting_errors
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.dead_letter import (
    DeadLetter,
    DeadLetterFilter,
    replay_blocker,
    source_queues,
)
from service.infrastructure.rabbitmq.dead_letter_queues import DeadLetterError, DeadLetters, opened
from service.infrastructure.rabbitmq.topology import PARKED

app = typer.Typer(no_args_is_help=True, help="Requests and events that could not be handled.")

Made = TypeVar("Made")


def _queue(name: str) -> str:
    known = source_queues()
    if name not in known and f"{name}.dlq" not in known:
        raise typer.BadParameter(f"it is none of {', '.join(known)}")
    return name if name in known else f"{name}.dlq"


def _not_parked(name: str) -> str:
    if name == PARKED:
        raise typer.BadParameter("what is in there is parked already")
    return _queue(name)


_SUCH_AS = "Such as profile.delete, or profile.delete.dlq"
QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help=_SUCH_AS, callback=_queue)]
NotParked = Annotated[str, typer.Argument(metavar="QUEUE", help=_SUCH_AS, callback=_not_parked)]
Reason = Annotated[str | None, typer.Option(help="Only letters with this reason")]
Code = Annotated[str | None, typer.Option(help="Only letters with this code")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only letters with this message id; repeatable")]


@app.command("list")
def list_queues(url: BrokerUrl, *, as_json: AsJson = False) -> None:
    """Show every queue of dead letters: how many, since when, why.

    Exits with 2 if one of them cannot be looked into.
    """

    async def look(box: DeadLetters) -> dict[str, list[DeadLetter] | str]:
        return {queue: await _letters(box, queue) for queue in source_queues()}

    found = _looked(url, look)
    if as_json:
        typer.echo(json.dumps(as_data(found)))
    else:
        overview(found)
    raise typer.Exit(MISUSED if any(isinstance(each, str) for each in found.values()) else DONE)


@app.command("show")
def show_letters(
    queue: QueueName,
    url: BrokerUrl,
    reason: Reason = None,
    code: Code = None,
    limit: Annotated[int, typer.Option(min=1, help="No more letters than that, the oldest first")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """Show letters in full. They stay where they are, in order."""
    found = _wanted_of(queue, url, DeadLetterFilter(reason, code))
    if not as_json:
        write_out(found[:limit], source_queues()[queue], of=len(found))
        return
    for letter in letters_as_data(found[:limit], source_queues()[queue]):
        typer.echo(json.dumps(letter))


@app.command("replay")
def replay_letters(
    queue: QueueName,
    url: BrokerUrl,
    *,
    reason: Reason = None,
    code: Code = None,
    ids: Ids = None,
    limit: Annotated[int | None, typer.Option(min=1, help="No more letters, the oldest first")] = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="No more letters a second")] = None,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be done."),  # noqa: FBT003 - an option
    force: bool = typer.Option(False, "--force", help="However often it was replayed."),  # noqa: FBT003 - an option
    as_json: AsJson = False,
) -> None:
    """Send letters back to where they came from, as requests of the broker user in the URL."""

    def skip_reason(letter: DeadLetter) -> str | None:
        return replay_blocker(letter, source_queues()[queue], force=force)

    _say_who_asks(queue, url)
    wanted = DeadLetterFilter(reason, code, frozenset(ids or ()))
    done = run_bulk_operation(
        BulkOperation(
            "dead_letters_replayed", queue, wanted, DeadLetters.replay, skip_reason, limit, rate, dry_run
        ),
        url,
    )
    _say("Would replay" if dry_run else "Replayed", done, as_json=as_json)


@app.command("park")
def park_letters(
    queue: NotParked, url: BrokerUrl, ids: Ids = None, reason: Reason = None, *, as_json: AsJson = False
) -> None:
    """Move letters to profile.parked, where they are kept and do not count."""
    if not ids and not reason:
        raise typer.BadParameter("say which letters: --id or --reason")

    async def park(box: DeadLetters, letter: DeadLetter) -> None:
        await box.park(letter, datetime.now(UTC))

    wanted = DeadLetterFilter(reason, ids=frozenset(ids or ()))
    done = run_bulk_operation(BulkOperation("dead_letters_parked", queue, wanted, park), url)
    _say("Parked", done, as_json=as_json)


@app.command("purge")
def purge_letters(
    queue: QueueName,
    url: BrokerUrl,
    *,
    reason: Reason = None,
    code: Code = None,
    older_than: Annotated[
        int | None, typer.Option(min=0, max=3650, metavar="DAYS", help="Dead-lettered before that")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete letters for good."""
    before = None if older_than is None else datetime.now(UTC) - timedelta(days=older_than)
    wanted = DeadLetterFilter(reason, code, failed_before=before)
    found = _wanted_of(queue, url, wanted)
    if found and not yes:
        typer.confirm(f"Delete {len(found)} letters from {queue}? They cannot be brought back.", abort=True)
    # Those that were counted: somebody may have moved them meanwhile, and others may have come.
    counted = replace(wanted, ids=frozenset(each.id for each in found))
    purge = BulkOperation("dead_letters_purged", queue, counted, DeadLetters.delete, limit=len(found))
    _say("Deleted", run_bulk_operation(purge, url) if found else BulkResult(), as_json=as_json)


def _looked(url: str, look: Callable[[DeadLetters], Awaitable[Made]]) -> Made:
    async def run() -> Made:
        async with opened(with_connection_name(url, "profilectl")) as box:
            return await look(box)

    with reporting_errors():
        return asyncio.run(run())


def _wanted_of(queue: str, url: str, wanted: DeadLetterFilter) -> list[DeadLetter]:
    async def look(box: DeadLetters) -> list[DeadLetter]:
        async with box.leased(queue) as letters:
            return wanted.of(letters)

    return _looked(url, look)


async def _letters(box: DeadLetters, queue: str) -> list[DeadLetter] | str:
    try:
        # Of many queues, one after the other: no longer than it takes, as the console shows who consumes.
        async with box.leased(queue, at_a_glance=True) as letters:
            return letters
    except DeadLetterError as error:
        return str(error)


def _say(what: str, done: BulkResult, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"done": done.done, "left": done.left}))
        return
    typer.echo(f"{what} {done.done}.")
    for why, count in done.left.items():
        typer.echo(f"{count} left where they are: {why}.")


def _say_who_asks(queue: str, url: str) -> None:
    """Whoever asked at first is not known any more."""
    heeding = [each for each in OPERATIONS if each.authentication == "bearer" and each.dead_letters == queue]
    if heeding or queue == PARKED:
        sentence = "Requests go out as {} itself: a worker carries out what TRUSTED_SERVICES lets it ask for."
        typer.echo(sentence.format(first_of(url).user or "guest"), err=True)
