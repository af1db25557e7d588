"""`profilectl`: what operators type."""

# First of all, for the imports below take a while.
from service.pkg.pid_one import exit_on_sigterm  # isort: skip

exit_on_sigterm()

import os  # noqa: E402 - see above
from typing import Annotated, Final  # noqa: E402 - see above

import typer  # noqa: E402 - see above

import service  # noqa: E402 - see above
from service.cli.lazy import LazyGroup  # noqa: E402 - see above
from service.pkg.secret_files import SecretFileError, read_secret_files  # noqa: E402 - see above

# Variables that may hold a password.
MAY_COME_FROM_FILES: Final = ("RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL", "MONGO_URL", "REDIS_URL")
_MISUSED: Final = 2

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_asked:
        typer.echo(f"profilectl {service.__version__}")
        raise typer.Exit


def _check_names(command: str | None) -> None:
    """Warn of each variable that is no setting and looks like one, as a worker does in its log."""
    from service.settings import given_names, misspelt  # noqa: PLC0415 - `profilectl --help` has no need of it

    try:
        given = given_names()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        typer.echo(f"The file .env cannot be read: {why}.", err=True)
        raise typer.Exit(_MISUSED) from None
    if command != "worker":
        for name, near in misspelt(given).items():
            typer.echo(f"{name} is no setting: is it {near}?", err=True)


@app.callback()
def profilectl(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run and look after the profile service."""
    try:
        read_secret_files(os.environ, MAY_COME_FROM_FILES)
    except SecretFileError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_MISUSED) from None
    _check_names(context.invoked_subcommand)
