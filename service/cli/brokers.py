"""Options that many commands have: the broker, how often, how to print, and whether to ask."""

from typing import Annotated

import typer
from yarl import URL

from service.pkg.broker_urls import broker_urls
from service.settings import require_address


def _amqp(url: str) -> str:
    if not url.startswith(("amqp://", "amqps://")):
        raise typer.BadParameter("it begins with amqp:// or amqps://")
    return address(url, "amqp://", "amqps://")


def first_of(url: str) -> URL:
    """Return the address of the first broker of *url*; user and virtual host are the same for all."""
    return URL(broker_urls(url)[0])


def _http(url: str | None) -> str | None:
    if url and not url.startswith(("http://", "https://")):
        raise typer.BadParameter("it begins with http:// or https://")
    return address(url, "http://", "https://") if url else url


def address(url: str, *beginnings: str) -> str:
    """Return *url*, if it is an address of one of these kinds.

    Raises:
        BadParameter: It is none; the sentence shows nothing of it.

    """
    try:
        return require_address(url, *beginnings)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


BrokerUrl = Annotated[
    str, typer.Option("--url", envvar="RABBITMQ_URL", help="Broker, user and virtual host", callback=_amqp)
]
ManagementUrl = Annotated[
    str | None,
    typer.Option(
        envvar="RABBITMQ_MANAGEMENT_URL",
        help="Management API: https://user:password@host:port",
        callback=_http,
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, each thing on a line of its own.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Count = Annotated[int | None, typer.Option(min=1, help="End after so many; else at Ctrl-C")]
