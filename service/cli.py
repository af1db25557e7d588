"""`profilectl`: what operators type."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import InvalidFrameError
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError
from pymongo.errors import PyMongoError
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from contracts import profiles as wire
from contracts.client import ProfileClient
from contracts.operations import OPERATIONS, Operation
from service.app.auth.actors import TrustedService
from service.app.commands.create_profile import CreateProfile, CreateProfileHandler
from service.domain.errors import ServiceError
from service.domain.profiles import Profile, Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keyring import Keyring
from service.infrastructure.crypto.keys import NoSigningKeys, new_key, retire_key
from service.infrastructure.mongo.indexes import IndexMissing
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import QueueType, topology
from service.main import create_app
from service.settings import Settings
from service.wiring import Stores, profiles_and_passwords

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with.")
admins = typer.Typer(no_args_is_help=True, help="Administrators.")
topology_commands = typer.Typer(no_args_is_help=True, help="What stands on the broker.")
app.add_typer(keys, name="keys")
app.add_typer(admins, name="admin")
app.add_typer(topology_commands, name="topology")

KeysFolder = Annotated[Path, typer.Argument(envvar="SIGNING_KEYS_DIR")]
_console = Console(stderr=True, soft_wrap=True)


@app.callback()
def profilectl() -> None:
    """Run and look after the profile service."""


@app.command()
def worker() -> None:
    """Answer requests until SIGTERM or Ctrl-C. The environment says how: see `.env.example`."""
    with _explained():
        service = create_app()
    failures: list[Exception] = []
    try:
        asyncio.run(service.run())
    except* (IndexMissing, AMQPError, PyMongoError, OSError) as errors:
        failures.extend(errors.exceptions)
    # Out here: in some releases of Python 3.11, an exit in `except*` comes out as a group.
    for each in failures:
        _explain(each)
    raise typer.Exit(1 if failures else 0)


@keys.command("new")
def new_signing_key(
    folder: KeysFolder = Path("keys"),
) -> None:
    """Make a key. Workers list it within seconds, and sign with it once all gateways know it."""
    print(new_key(folder, datetime.now(UTC)))  # noqa: T201 - the command's output


@keys.command("list")
def list_signing_keys(folder: KeysFolder = Path("keys")) -> None:
    """Show the keys, and which one signs now."""
    with _explained():
        keyring = Keyring(folder, SystemClock())
    # A kid is there to be copied into `retire`: however narrow the terminal, it is written out.
    table = Table(Column("kid", no_wrap=True, min_width=len(keyring.signer.kid)), "made", "state", box=SIMPLE)
    for key in keyring.keys:
        state = "signs" if key is keyring.signer else "verifies"
        table.add_row(key.kid, f"{key.made_at:%Y-%m-%d %H:%M:%S}Z", state)
    Console(soft_wrap=True).print(table)


@keys.command("retire")
def retire_signing_key(kid: str, folder: KeysFolder = Path("keys")) -> None:
    """Take a key out of use: tokens that it signed are dead within seconds."""
    with _explained():
        print(retire_key(folder, kid))  # noqa: T201 - the command's output


@admins.command("create")
def create_admin(
    email: str,
    first_name: Annotated[str, typer.Option()] = "Admin",
    last_name: Annotated[str, typer.Option()] = "Admin",
    password: Annotated[
        str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="ADMIN_PASSWORD")
    ] = "",
) -> None:
    """Make an administrator, straight in the database: the way to the first one."""
    with _explained():
        profile = asyncio.run(_create_admin(email, first_name, last_name, password))
    print(profile.id)  # noqa: T201 - the command's output


async def _create_admin(email: str, first_name: str, last_name: str, password: str) -> Profile:
    settings = Settings()
    async with Stores.opened(settings) as stores:
        request = wire.CreateProfile(
            first_name=first_name, last_name=last_name, email=email, password=SecretStr(password)
        )
        handler = CreateProfileHandler(*profiles_and_passwords(settings, stores), SystemClock())
        return await handler.handle(
            CreateProfile(
                actor=TrustedService("profilectl"),
                first_name=request.first_name,
                last_name=request.last_name,
                email=request.email,
                password=password,
                role=Role.ADMIN,
            )
        )


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


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what may go wrong into a sentence and exit code 2."""
    try:
        yield
    except (ValidationError, SettingsError, NoSigningKeys, ServiceError, PyMongoError, OSError) as error:
        _explain(error)
        raise typer.Exit(2) from None


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
    if isinstance(error, ServiceError):
        return type(error).__doc__ or ""
    return f"RabbitMQ: {error}" if isinstance(error, AMQPError) else str(error)


if __name__ == "__main__":
    app()
