"""The worker itself, and several of it side by side."""

import asyncio
from typing import Annotated, Final

import typer
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from service.cli.explaining import explain, explained
from service.cli.side_by_side import side_by_side
from service.infrastructure.mongo.indexes import IndexMissing
from service.life import live
from service.main import create_worker

_FAILED: Final = 1


def worker(
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many, each a process of its own.")] = 1,
) -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`.

    The first signal lets it finish what it has in hand; a second one leaves that to other workers, at once.
    Exits with 0, with 1 if it failed, with 2 for wrong settings, with 3 if it left something unfinished, or
    with 4 if something did not come back by itself: then start it anew.
    """
    with explained():
        one = create_worker()
    if workers > 1:
        raise typer.Exit(side_by_side(workers, one.settings.health_port))
    failures: list[Exception] = []
    code = 0
    try:
        code = asyncio.run(live(one))
    except* (IndexMissing, AMQPError, PyMongoError, OSError) as errors:
        failures.extend(errors.exceptions)
    # Out here: in some releases of Python 3.11, an exit in `except*` comes out as a group.
    for each in failures:
        explain(each)
    raise typer.Exit(_FAILED if failures else code)
