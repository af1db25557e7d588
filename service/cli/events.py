"""What the service publishes, as it happens."""

import asyncio
from typing import Annotated, Any

import typer

from profile_contracts.client import ProfileClient
from profile_contracts.events import Event
from service.cli.brokers import AsJson, BrokerUrl, Count
from service.cli.reporting_errors import reporting_errors
from service.pkg.broker_urls import broker_urls

app = typer.Typer(no_args_is_help=True, help="What the service publishes.")


@app.callback()
def events() -> None:
    """What the service publishes."""


@app.command("tail")
def tail(
    url: BrokerUrl,
    keys: Annotated[list[str] | None, typer.Argument(help="Such as profile.*; else all")] = None,
    *,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Print each event from now on, until Ctrl-C; nobody else misses it."""
    with reporting_errors():
        asyncio.run(_tail(url, keys or ["#"], count, as_json=as_json))


async def _tail(url: str, keys: list[str], count: int | None, *, as_json: bool) -> None:
    async with ProfileClient(broker_urls(url), name="profilectl") as client, client.events(*keys) as arriving:
        number = 0
        async for event in arriving:
            typer.echo(event.model_dump_json() if as_json else _line(event))
            number += 1
            if number == count:
                return


def _line(event: Event[Any]) -> str:
    about = event.data.model_dump(mode="json", exclude={"id"}, exclude_none=True)
    return f"{event.time:%H:%M:%S} {event.type} {event.subject} {about}"
