"""What stands on the broker."""

import json
from typing import Annotated

import typer

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import QueueType, topology

app = typer.Typer(no_args_is_help=True, help="What stands on the broker.")


@app.callback()
def topologies() -> None:
    """What stands on the broker."""


@app.command("definitions")
def show_definitions(
    query_queue_type: Annotated[QueueType, typer.Option(help="`quorum` for clusters")] = "classic",
) -> None:
    """Print the definitions file that RabbitMQ can import."""
    print(json.dumps(definitions(topology(query_queue_type)), indent=2))  # noqa: T201 - the command's output
