"""The worker itself."""

import asyncio

import typer
from aio_pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from service.cli.explaining import explain, explained
from service.infrastructure.mongo.indexes import IndexMissing
from service.main import create_app


def worker() -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`."""
    with explained():
        service = create_app()
    failures: list[Exception] = []
    try:
        asyncio.run(service.run())
    except* (IndexMissing, AMQPError, PyMongoError, OSError) as errors:
        failures.extend(errors.exceptions)
    # Out here: in some releases of Python 3.11, an exit in `except*` comes out as a group.
    for each in failures:
        explain(each)
    raise typer.Exit(1 if failures else 0)
