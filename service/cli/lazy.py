"""Commands that are imported when they are called: drivers take two seconds, and help has no need of them."""

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

# Typer brings its own copy of click and gives its classes no public names.
Command = Any


class Place(NamedTuple):
    """Where a command is, and what it says of itself in one line.

    Attributes:
        name: That of a function, or of an app that has several commands.

    """

    module: str
    name: str
    summary: str


COMMANDS: Final[Mapping[str, Place]] = {
    "keys": Place("keys", "app", "The keys that access tokens are signed with, and root keys."),
    "admin": Place("admins", "app", "Administrators."),
    "profile": Place("profiles", "app", "What is held about users."),
    "post": Place("posts", "app", "One post."),
    "topology": Place("topology", "app", "What stands on the broker."),
    "dlq": Place("dlq", "app", "Requests and events that could not be handled."),
    "status": Place(
        "status", "status", "Show what waits where, who consumes, and which events are not published yet."
    ),
    "watch": Place(
        "status", "watch", "Show the queues again and again, and how fast they change, until Ctrl-C."
    ),
    "events": Place("events", "app", "What the service publishes."),
    "worker": Place(
        "worker",
        "worker",
        "Answer requests until SIGTERM or Ctrl-C.",
    ),
    "call": Place("requests", "call", "Send a request and print the reply, which is JSON."),
    "login": Place("requests", "login", "Log a user in and print an access token."),
}


def load(command: str) -> Command:
    """Return *command*, or the group of that name, with all that it needs imported."""
    place = COMMANDS[command]
    gc.disable()  # none of what imports make is garbage, and to look for some takes a fifth of their time
    try:
        found = getattr(import_module(f"service.cli.{place.module}"), place.name)
    finally:
        gc.enable()
    if isinstance(found, typer.Typer):
        loaded = typer.main.get_group(found)
        loaded.name = command
        return loaded
    alone = typer.Typer(add_completion=False)
    alone.command(command)(found)
    return typer.main.get_command(alone)


class LazyGroup(TyperGroup):
    """Shows each command by its summary, and imports the one that is called."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as Typer has it
        shown = {name: TyperCommand(name, help=place.summary) for name, place in COMMANDS.items()}
        super().__init__(**{**options, "commands": shown})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Command, list[str]]:  # noqa: ANN401
        """Return the command that *args* call, and the rest of them."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else command, rest
