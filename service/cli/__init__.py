"""`profilectl`: what operators type."""

# First of all, for the imports below take more than a second.
from service.pkg.pid_one import exit_on_sigterm  # isort: skip

exit_on_sigterm()

from typing import Annotated  # noqa: E402 - see above

import typer  # noqa: E402 - see above

from service import __version__  # noqa: E402 - see above
from service.cli import (  # noqa: E402 - see above
    admins,
    dlq,
    keys,
    posts,
    profiles,
    requests,
    topology,
    worker,
)
from service.infrastructure.rabbitmq.joined_writes import install_joined_writes  # noqa: E402 - see above

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(keys.app, name="keys")
app.add_typer(admins.app, name="admin")
app.add_typer(profiles.app, name="profile")
app.add_typer(posts.app, name="post")
app.add_typer(topology.app, name="topology")
app.add_typer(dlq.app, name="dlq")
app.command("worker")(worker.worker)
app.command("call")(requests.call)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_asked:
        typer.echo(f"profilectl {__version__}")
        raise typer.Exit


@app.callback()
def profilectl(
    *,
    version: Annotated[  # noqa: ARG001 - its callback is called
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run and look after the profile service."""
    install_joined_writes()  # by which any broker of a cluster will do
