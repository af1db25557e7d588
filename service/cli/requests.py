"""Requests by hand."""

import asyncio
import json
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console

from profile_contracts.auth import LogIn, Tokens
from profile_contracts.client import ProfileClient
from profile_contracts.operations import OPERATIONS, Operation
from service.cli.brokers import AsJson, BrokerUrl
from service.cli.exit_codes import DONE, exit_code_of_reply
from service.cli.reporting_errors import reporting_errors
from service.pkg.broker_urls import broker_urls

_NAME = "profilectl"


def _complete(incomplete: str) -> list[str]:
    return [each.queue for each in OPERATIONS if each.queue.startswith(incomplete)]


def call(
    operation: Annotated[str, typer.Argument(help="A queue, such as profile.get", autocompletion=_complete)],
    body: Annotated[str, typer.Argument(help="The request as JSON")],
    url: BrokerUrl,
    token: Annotated[str | None, typer.Option(envvar="ACCESS_TOKEN", help="Access token of a user")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Send a request and print the reply, which is JSON."""
    known = {each.queue: each for each in OPERATIONS}
    if operation not in known:
        raise typer.BadParameter(f"{operation} is none of {', '.join(known)}")
    with reporting_errors():
        reply = asyncio.run(_exchange(url, known[operation], body.encode(), token))
    answer = json.loads(reply)
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        Console().print_json(reply.decode())
    raise typer.Exit(DONE if answer["ok"] else exit_code_of_reply(answer["error"]["code"]))


def login(
    email: str,
    url: BrokerUrl,
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, envvar="PROFILE_PASSWORD", help="Else asked for"),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Log a user in and print an access token.

    To use it afterwards: `export ACCESS_TOKEN=$(profilectl login ada@example.org)`.

    With --json, print all of the reply, with the refresh token.
    """
    with reporting_errors():
        try:
            asked = LogIn(email=email, password=SecretStr(password))
        except ValidationError:  # which would quote the name of the field as that of a setting
            raise typer.BadParameter("no such address or password can be") from None
        tokens = asyncio.run(_log_in(url, asked))
    typer.echo(tokens.model_dump_json() if as_json else tokens.access_token)


async def _exchange(url: str, operation: Operation[Any, Any], body: bytes, token: str | None) -> bytes:
    async with ProfileClient(broker_urls(url), name=_NAME) as client:
        return await client.exchange(operation, body, token)


async def _log_in(url: str, request: LogIn) -> Tokens:
    async with ProfileClient(broker_urls(url), name=_NAME) as client:
        return await client.log_in(request)
