"""`profilectl`: what operators type."""

# First of all, for the imports below take a while.
from service.pkg.pid_one import exit_on_sigterm  # isort: skip

exit_on_sigterm()

import os  # noqa: E402 - see above
from pathlib import Path  # noqa: E402 - see above
from typing import Annotated, Final  # noqa: E402 - see above

import typer  # noqa: E402 - see above

import service  # noqa: E402 - see above
from service.cli.lazy import LazyGroup  # noqa: E402 - see above
from service.pkg.env_file import EnvFileError, read_env_file  # noqa: E402 - see above
from service.pkg.secret_files import SUFFIX, SecretFileError, read_secret_files  # noqa: E402 - see above

# Variables that may hold a password.
MAY_COME_FROM_FILES: Final = ("RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL", "MONGO_URL", "REDIS_URL")
# Those of commands that are no settings.
_OF_COMMANDS: Final = ("ACCESS_TOKEN", "ADMIN_PASSWORD", "PROFILE_PASSWORD")
_MISUSED: Final = 2

app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_asked:
        typer.echo(f"profilectl {service.__version__}")
        raise typer.Exit


def known_variables() -> frozenset[str]:
    """Return the names of all variables that commands read. What else there is in `.env` is of others."""
    from service.settings import Settings  # noqa: PLC0415 - `profilectl --help` has no need of it

    settings = (name.upper() for name in Settings.model_fields)
    return frozenset([*settings, *(name + SUFFIX for name in MAY_COME_FROM_FILES), *_OF_COMMANDS])


def _read_files() -> None:
    """Set what `.env` has, so that every command reads it, and what is in the files that variables name."""
    from service.settings import ENV_FILE  # noqa: PLC0415 - see above

    try:
        read_env_file(os.environ, Path(ENV_FILE), known_variables())
        read_secret_files(os.environ, MAY_COME_FROM_FILES)
    except (EnvFileError, SecretFileError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(_MISUSED) from None


def _check_names() -> None:
    """Warn of each variable that is no setting and looks like one, as a worker does in its log."""
    from service.settings import given_names, misspelt  # noqa: PLC0415 - see above

    for name, near in misspelt(given_names()).items():
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
    _read_files()
    if context.invoked_subcommand != "worker":
        _check_names()
