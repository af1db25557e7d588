"""Requests by hand."""

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from profile_contracts.client import ProfileClient
from profile_contracts.operations import OPERATIONS, Operation
from service.cli.brokers import BrokerUrl
from service.cli.reporting_errors import reporting_errors
from service.infrastructure.rabbitmq.joined_writes import cluster_url


def call(
    operation: Annotated[str, typer.Argument(help="A queue, such as profile.get")],
    body: Annotated[str, typer.Argument(help="The request as JSON")],
    url: BrokerUrl,
    token: Annotated[str | None, typer.Option(envvar="ACCESS_TOKEN", help="Access token of a user")] = None,
) -> None:
    """Send a request and print the reply; exit with 1 if it is a refusal."""
    known = {each.queue: each for each in OPERATIONS}
    if operation not in known:
        raise typer.BadParameter(f"{operation} is none of {', '.join(known)}")
    with reporting_errors():
        reply = asyncio.run(_exchange(url, known[operation], body.encode(), token))
    Console().print_json(reply.decode())
    raise typer.Exit(0 if json.loads(reply)["ok"] else 1)


async def _exchange(url: str, operation: Operation[Any, Any], body: bytes, token: str | None) -> bytes:
    async with ProfileClient(str(cluster_url(url)), name="profilectl") as client:
        return await client.exchange(operation, body, token)
