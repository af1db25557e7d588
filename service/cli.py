"""`profilectl`: what operators type."""

import asyncio
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import InvalidFrameError
from pydantic import ValidationError
from pydantic_settings import SettingsError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.markup import escape

from contracts.client import ProfileClient
from contracts.operations import OPERATIONS, Operation
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

_console = Console(stderr=True, soft_wrap=True)


@app.callback()
def profilectl() -> None:
    """Run and look after the profile service."""


@app.command()
def worker() -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`."""
    try:
        service = create_app()
    except (ValidationError, SettingsError, NoSigningKeys, OSError) as error:
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
    query_queue_type: Annotated[QueueType, typer.Option(help="`quorum` for clusters")] = "classic",
) -> None:
    """Print the definitions file that RabbitMQ can import."""
    print(json.dumps(definitions(topology(query_queue_type)), indent=2))  # noqa: T201 - the command's output


@app.command()
def call(
    operation: Annotated[str, typer.Argument(help="A queue, such as profile.get")],
    body: Annotated[str, typer.Argument(help="The request as JSON")],
    url: Annotated[str, typer.Option(envvar="RABBITMQ_URL", help="Broker, user and virtual host")],
    token: Annotated[str | None, typer.Option(envvar="ACCESS_TOKEN", help="Access token of a user")] = None,
) -> None:
    """Send a request and print the reply; exit with 1 if it is a refusal."""
    known = {each.queue: each for each in OPERATIONS}
    if operation not in known:
        raise typer.BadParameter(f"{operation} is none of {', '.join(known)}")
    reply = asyncio.run(_exchange(url, known[operation], body.encode(), token))
    Console().print_json(reply.decode())
    raise typer.Exit(0 if json.loads(reply)["ok"] else 1)


async def _exchange(url: str, operation: Operation[Any, Any], body: bytes, token: str | None) -> bytes:
    async with ProfileClient(url, name="profilectl") as client:
        return await client.exchange(operation, body, token)


def _explain(error: Exception) -> None:
    if isinstance(error, ValidationError):
        for each in error.errors(include_input=False, include_url=False):
            _console.print(f"[red]{'.'.join(map(str, each['loc'])).upper()}[/]: {escape(each['msg'])}")
    else:
        _console.print(f"[red]Cannot run[/]: {escape(_sentence(error))}", highlight=False)


def _sentence(error: Exception) -> str:
    if isinstance(error, PyMongoError):  # what follows is the whole topology, once for each attempt
        return f"MongoDB: {re.split(r' .configured timeouts|, Timeout: ', str(error))[0]}"
    if isinstance(error, InvalidFrameError):  # aiormq does not hand on what RabbitMQ says
        return "RabbitMQ closed the connection: is there such a virtual host, and may this user use it?"
    return f"RabbitMQ: {error}" if isinstance(error, AMQPError) else str(error)


if __name__ == "__main__":
    app()
