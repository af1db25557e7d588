"""`profilectl`: what operators type."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from aio_pika.exceptions import AMQPError
from pydantic import ValidationError
from pymongo.errors import PyMongoError
from rich.console import Console

from service.infrastructure.crypto.keys import NoSigningKeys, new_key
from service.infrastructure.mongo.indexes import IndexMissing
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import QueueType, topology
from service.main import create_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with.")
topology_commands = typer.Typer(no_args_is_help=True, help="What stands on the broker.")
app.add_typer(keys, name="keys")
app.add_typer(topology_commands, name="topology")

_console = Console(stderr=True)


@app.callback()
def profilectl() -> None:
    """Run and look after the profile service."""


@app.command()
def worker() -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`."""
    try:
        service = create_app()
    except (ValidationError, NoSigningKeys) as error:
        _explain(error)
        raise typer.Exit(2) from None
    try:
        asyncio.run(service.run())
    except* (IndexMissing, AMQPError, PyMongoError, OSError) as errors:
        for each in errors.exceptions:
            _explain(each)
        sys.exit(1)


@keys.command("new")
def new_signing_key(
    folder: Annotated[Path, typer.Argument(envvar="SIGNING_KEYS_DIR")] = Path("keys"),
) -> None:
    """Make a key. Workers sign with the newest one from their next start on."""
    print(new_key(folder, datetime.now(UTC)))  # noqa: T201 - the command's output


@topology_commands.command("definitions")
def show_definitions(
    query_queue_type: Annotated[str, typer.Option(help="classic or quorum")] = "classic",
) -> None:
    """Print the definitions file that RabbitMQ can import."""
    query_type: QueueType = "quorum" if query_queue_type == "quorum" else "classic"
    print(json.dumps(definitions(topology(query_type)), indent=2))  # noqa: T201 - the command's output


def _explain(error: Exception) -> None:
    if isinstance(error, ValidationError):
        for each in error.errors(include_input=False, include_url=False):
            _console.print(f"[red]{'.'.join(map(str, each['loc'])).upper()}[/]: {each['msg']}")
    else:
        _console.print(f"[red]Cannot run[/]: {error}", highlight=False)
