"""What the service publishes, as it happens, and what it has published."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from profile_contracts.client import ProfileClient
from profile_contracts.events import Event, read_event
from service.cli.brokers import AsJson, BrokerUrl, Count
from service.cli.reporting_errors import reporting_errors
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.event_history import Start, opened_history
from service.infrastructure.rabbitmq.topic_patterns import matches
from service.pkg.broker_urls import broker_urls

app = typer.Typer(no_args_is_help=True, help="What the service publishes.")

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# What AMQP can say: its largest integer, and its earliest time.
_MOST: Final = 2**63 - 1
_EPOCH: Final = datetime.fromtimestamp(0, UTC)

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="A place in the event history: `first`, a number, an age like `2h` (s, m, h, d), an ISO time",
    ),
]


@app.command("tail")
def tail(
    url: BrokerUrl,
    keys: Annotated[list[str] | None, typer.Argument(help="Such as profile.*; else all")] = None,
    from_: From = None,
    *,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """Print each event from now on, until Ctrl-C; nobody else misses it.

    That takes a broker user that may have queues of its own, such as `gateway`. That of workers may not.

    With --from, print those of the event history before: of profiles and posts, as of EVENT_HISTORY=true.
    One may come twice, by the same id.
    """
    wanted = keys or ["#"]
    source = (
        _arriving(url, wanted) if from_ is None else _kept(url, wanted, start_of(from_, datetime.now(UTC)))
    )
    with reporting_errors():
        asyncio.run(_print(source, count, as_json=as_json))


def start_of(text: str, now: datetime) -> Start:
    """Return which place in the history *text* means.

    Raises:
        BadParameter: It means none.

    """
    if text == "first":
        return "first"
    if re.fullmatch(r"\d{1,19}", text, re.ASCII) and int(text) <= _MOST:
        return int(text)
    try:
        if age := re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII):
            moment = now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        else:
            moment = datetime.fromisoformat(text)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC), _EPOCH)
    except (ValueError, OverflowError):
        message = "it is `first`, a number, an age such as 2h, or a time such as 2026-11-27T08:00:00Z"
        raise typer.BadParameter(message, param_hint="--from") from None


async def _print(
    source: AbstractAsyncContextManager[AsyncIterator[Event[Any]]], count: int | None, *, as_json: bool
) -> None:
    async with source as arriving:
        number = 0
        async for event in arriving:
            typer.echo(event.model_dump_json() if as_json else _line(event))
            number += 1
            if number == count:
                return


@asynccontextmanager
async def _arriving(url: str, keys: Sequence[str]) -> AsyncIterator[AsyncIterator[Event[Any]]]:
    async with ProfileClient(broker_urls(url), name="profilectl") as client, client.events(*keys) as arriving:
        yield aiter(arriving)


@asynccontextmanager
async def _kept(url: str, keys: Sequence[str], start: Start) -> AsyncIterator[AsyncIterator[Event[Any]]]:
    async with opened_history(with_connection_name(url, "profilectl"), start) as messages:

        async def wanted() -> AsyncIterator[Event[Any]]:
            async for message in messages:
                key = message.routing_key or ""
                if any(matches(each, key) for each in keys) and (event := read_event(key, message.body)):
                    yield event

        yield wanted()


def _line(event: Event[Any]) -> str:
    about = event.data.model_dump(mode="json", exclude={"id"}, exclude_none=True)
    return f"{event.time:%H:%M:%S} {event.type} {event.subject} {about}"
