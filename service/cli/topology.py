"""What stands on the broker."""

import asyncio
import json
from typing import Annotated, Final

import typer

from service.cli.brokers import AsJson, BrokerUrl, ManagementUrl, first_of
from service.cli.reporting_errors import reporting_errors
from service.infrastructure.rabbitmq.bounded_publish import TakesNoMessages
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.management import Management
from service.infrastructure.rabbitmq.topology import MAX_MESSAGE_BYTES, QueueType, Topology, topology
from service.infrastructure.rabbitmq.topology_check import (
    State,
    apply,
    inspect,
    oversize,
    with_consumers,
    without_consumers,
)
from service.infrastructure.rabbitmq.topology_diff import (
    BrokerState,
    broker_state,
    differences,
    differing_policies,
    missing_policies,
)

app = typer.Typer(no_args_is_help=True, help="What stands on the broker.")

_DIFFERS, _UNKNOWN = 1, 2
_UNCHECKED: Final = "Not looked at without --management-url: policies, bindings."
_ALL_ELSE: Final = "All else stands as it should."

QueryQueueType = Annotated[QueueType, typer.Option(envvar="QUERY_QUEUE_TYPE", help="`quorum` for clusters")]
EventHistory = Annotated[
    bool, typer.Option("--event-history", envvar="EVENT_HISTORY", help="With the event history")
]


@app.command("definitions")
def show_definitions(
    query_queue_type: Annotated[QueueType, typer.Option(help="`quorum` for clusters")] = "classic",
    *,
    event_history: Annotated[bool, typer.Option("--event-history", help="With the event history")] = False,
    without_users: Annotated[
        bool, typer.Option("--without-users", help="Leave the users that are there their passwords")
    ] = False,
) -> None:
    """Print the definitions file that RabbitMQ can import."""
    printed = definitions(topology(query_queue_type, event_history=event_history))
    if without_users:
        del printed["users"]
    print(json.dumps(printed, indent=2))  # noqa: T201 - the command's output


@app.command("check")
def check_topology(
    url: BrokerUrl,
    management_url: ManagementUrl = None,
    query_queue_type: QueryQueueType = "classic",
    *,
    event_history: EventHistory = False,
    as_json: AsJson = False,
) -> None:
    """Say how the broker differs from what the service needs.

    Exits with 1 if it does, and with 2 if that is not known: policies and bindings are only seen by
    the management API, and how large messages may be not during an alarm.
    """
    whole = topology(query_queue_type, event_history=event_history)
    with reporting_errors():
        findings = asyncio.run(inspect(with_connection_name(url, "profilectl"), whole))
        too_large = _oversize(url)
        found = asyncio.run(_seen(url, management_url))
    wrong = [each for each in findings if each.state is not State.OK]
    lines = [each.sentence for each in wrong] + with_consumers(findings) + (too_large or [])
    idle = without_consumers(findings)
    if found:
        lines += differences(whole, found, {each.thing.name for each in wrong})
    looked_at_all = found is not None and too_large is not None
    if as_json:
        typer.echo(json.dumps({"differs": lines, "unanswered": idle, "looked_at_all": looked_at_all}))
    else:
        _say(lines, idle, looked_at_all=looked_at_all, by_console=found is not None)
    raise typer.Exit(_DIFFERS if lines else 0 if looked_at_all else _UNKNOWN)


@app.command("apply")
def apply_topology(
    url: BrokerUrl,
    management_url: ManagementUrl = None,
    query_queue_type: QueryQueueType = "classic",
    *,
    event_history: EventHistory = False,
    as_json: AsJson = False,
) -> None:
    """Make what is missing; exit with 2 if something stands in the way, and 1 if a policy differs."""
    whole = topology(query_queue_type, event_history=event_history)
    with reporting_errors():
        findings = asyncio.run(apply(with_connection_name(url, "profilectl"), whole))
        policies, differing = asyncio.run(_with_policies(whole, url, management_url))
    made = [each.thing.name for each in findings if each.state is State.MISSING] + policies
    in_the_way = [each.sentence for each in findings if each.state not in (State.OK, State.MISSING)]
    if as_json:
        typer.echo(json.dumps({"made": made, "differs": differing, "in_the_way": in_the_way}))
    else:
        _say_all([*(f"{each} made" for each in made), *differing])
        _say_all(in_the_way, err=True)
    raise typer.Exit(2 if in_the_way else 1 if differing else 0)


def _oversize(url: str) -> list[str] | None:
    """Return what is wrong about how large messages may be; say why, if that is not known."""
    try:
        return asyncio.run(oversize(with_connection_name(url, "profilectl")))
    except TakesNoMessages as error:
        unknown = f"Whether the broker takes messages of more than {MAX_MESSAGE_BYTES} bytes is not known"
        typer.echo(f"{unknown}: {error}", err=True)
        return None


async def _seen(url: str, management_url: str | None) -> BrokerState | None:
    return await broker_state(Management.of(management_url, first_of(url))) if management_url else None


async def _with_policies(
    whole: Topology, url: str, management_url: str | None
) -> tuple[list[str], list[str]]:
    """Make the missing policies, if we can; return them, and how the others differ, which are left alone."""
    if not management_url:
        typer.echo("Without --management-url no policy was looked at.", err=True)
        return [], []
    management = Management.of(management_url, first_of(url))
    missing = missing_policies(whole, await broker_state(management))
    for policy in missing:
        await management.put_policy(policy)
    made = [f"policy {policy.name}" for policy in missing]
    return made, differing_policies(whole, await broker_state(management))


def _say(lines: list[str], idle: list[str], *, looked_at_all: bool, by_console: bool) -> None:
    if idle:
        typer.echo(f"No worker answers {', '.join(idle)}.", err=True)
    _say_all(lines)
    if not by_console:
        typer.echo(_UNCHECKED if lines else f"{_UNCHECKED} {_ALL_ELSE}", err=True)
    elif not lines and looked_at_all:
        typer.echo("Everything stands as it should.")
    elif not lines:
        typer.echo(_ALL_ELSE, err=True)


def _say_all(lines: list[str], *, err: bool = False) -> None:
    for line in lines:
        typer.echo(line, err=err)
