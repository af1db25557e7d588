"""`profilectl`: what operators type."""

# First of all, for the imports below take a while.
from service.pkg.pid_one import exit_on_sigterm  # isort: skip

exit_on_sigterm()

from typing import Annotated  # noqa: E402 - see above

import typer  # noqa: E402 - see above

import service  # noqa: E402 - see above
from service.cli.lazy import LazyGroup  # noqa: E402 - see above

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_asked:
        typer.echo(f"profilectl {service.__version__}")
        raise typer.Exit


@app.callback()
def profilectl(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run and look after the profile service."""
