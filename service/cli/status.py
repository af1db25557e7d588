"""How the service stands: now, or again and again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPException
from typing import Annotated, Final, NamedTuple

import typer
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from service.cli.brokers import AsJson, BrokerUrl, Count, address
from service.cli.exit_codes import DONE, REFUSED, SERVER_DOWN
from service.cli.reporting_errors import reporting_errors, sentence_of
from service.cli.status_view import is_wrong, lines, table
from service.domain.errors import Unavailable
from service.infrastructure.mongo.outbox import Backlog, MongoOutbox
from service.infrastructure.rabbitmq.connection import connected, with_connection_name
from service.infrastructure.rabbitmq.queue_depths import Depth, depths
from service.infrastructure.rabbitmq.topology import topology
from service.pkg.database import close_mongo, default_database, open_mongo
from service.pkg.direct_http import open_directly

_QUEUES: Final = tuple(each.name for each in topology().queues)
_WORKER_SECONDS: Final = 5.0
_RETENTION: Final = 'profile_background_last_done_timestamp_seconds{loop="retention"} '


def _mongodb(url: str | None) -> str | None:
    return address(url, "mongodb://", "mongodb+srv://") if url else url


Mongo = Annotated[
    str | None,
    typer.Option(envvar="MONGO_URL", help="To say which events are not published yet", callback=_mongodb),
]
Port = Annotated[
    int,
    typer.Option(
        envvar="HEALTH_PORT",
        min=0,
        max=65_535,
        help="Of a worker on this machine, to say when it last looked for what is to be erased",
    ),
]
Every = Annotated[float, typer.Option(min=0.1, help="Seconds between two looks")]


def status(
    url: BrokerUrl, mongo_url: Mongo = None, health_port: Port = 0, *, as_json: AsJson = False
) -> None:
    """Show what waits where, who consumes, and which events are not published yet.

    Exits with 7 if MongoDB does not say, else with 1 if a queue is missing, or nobody consumes it and
    somebody should.
    """
    with reporting_errors():
        found = asyncio.run(_depths(url))
        backlog = _known_backlog(mongo_url) if mongo_url else None
        retention_at = last_retention(health_port) if health_port else None
    if as_json:
        about = {"events": backlog and asdict(backlog), "retention_at": retention_at}
        typer.echo(json.dumps({"queues": [asdict(each) for each in found], **about}, default=str))
    else:
        shown = table(found)
        if shown.row_count:
            Console(soft_wrap=True).print(shown)
        for line in lines(found, backlog, retention_at, datetime.now(UTC)):
            typer.echo(line)
    if mongo_url and backlog is None:
        raise typer.Exit(SERVER_DOWN)
    raise typer.Exit(REFUSED if any(map(is_wrong, found)) else DONE)


def watch(url: BrokerUrl, every: Every = 2.0, *, count: Count = None, as_json: AsJson = False) -> None:
    """Show the queues again and again, and how fast they change, until Ctrl-C."""
    with reporting_errors():
        asyncio.run(_watch(url, every, count, as_json=as_json))


async def _depths(url: str) -> Sequence[Depth]:
    async with connected(with_connection_name(url, "profilectl")) as connection:
        return await depths(connection, _QUEUES)


def _known_backlog(mongo_url: str) -> Backlog | None:
    """Return which events are not published yet; say why, if the database does not tell."""
    try:
        return asyncio.run(_backlog(mongo_url))
    except Unavailable as error:
        why = error.__cause__ if isinstance(error.__cause__, PyMongoError) else error
        typer.echo(f"Which events are not published yet is not known: {sentence_of(why)}", err=True)
        return None


async def _backlog(mongo_url: str) -> Backlog:
    client = open_mongo(mongo_url, "pymongo")
    try:
        return await MongoOutbox(default_database(client)).backlog()
    finally:
        await close_mongo(client)


def last_retention(port: int) -> datetime | None:
    """Return when the worker on *port* last looked for what is to be erased; say why, if nobody tells."""
    try:
        with open_directly(f"http://localhost:{port}/metrics", timeout=_WORKER_SECONDS) as answer:
            said = answer.read().decode(errors="replace").splitlines()
    except (OSError, HTTPException) as error:
        typer.echo(f"No worker answers on port {port}: {error}", err=True)
        return None
    seconds = [float(line.removeprefix(_RETENTION)) for line in said if line.startswith(_RETENTION)]
    if not seconds:
        typer.echo(f"The worker on port {port} has not looked for what is to be erased yet.", err=True)
        return None
    return datetime.fromtimestamp(seconds[0], UTC)


class Look(NamedTuple):
    """The queues as they stood.

    Attributes:
        at: When, in seconds by a clock that nobody sets.

    """

    at: float
    queues: Sequence[Depth]


async def _watch(url: str, every: float, count: int | None, *, as_json: bool) -> None:
    before: Look | None = None
    with _drawing() as draw:
        async for look in _looks(url, every, count):
            rates = growth(before, look) if before else {}
            if as_json:
                at = datetime.now(UTC).isoformat(timespec="milliseconds")
                queues = [{**asdict(each), "a_second": rates.get(each.queue)} for each in look.queues]
                typer.echo(json.dumps({"at": at, "queues": queues}))
            else:
                draw(table(look.queues, rates))
            before = look


@contextmanager
def _drawing() -> Iterator[Callable[[Table], None]]:
    """Give what draws each table over the one before; in a file or pipe, below it."""
    console = Console()
    if not console.is_terminal:
        yield console.print
        return
    with Live(console=console, auto_refresh=False) as screen:
        yield partial(screen.update, refresh=True)


async def _looks(url: str, pause: float, count: int | None) -> AsyncIterator[Look]:
    """Give the queues as they stand, so often or for ever."""
    number, now = 0, asyncio.get_running_loop().time
    async with connected(with_connection_name(url, "profilectl")) as connection:
        while True:
            yield Look(now(), await depths(connection, _QUEUES))
            number += 1
            if number == count:
                return
            await asyncio.sleep(pause)


def growth(before: Look, now: Look) -> dict[str, float]:
    """Return by how much each queue has grown in a second, between two looks, which take time, too."""
    was = {each.queue: each.ready for each in before.queues}
    seconds = now.at - before.at
    return {each.queue: (each.ready - was[each.queue]) / seconds for each in now.queues if each.queue in was}
