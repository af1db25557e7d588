"""The keys that access tokens are signed with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from service.cli.reporting_errors import reporting_errors
from service.infrastructure.clock import SystemClock
from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.keys import new_key, retire_key

app = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with.")

KeysFolder = Annotated[Path, typer.Argument(envvar="SIGNING_KEYS_DIR")]


@app.command("new")
def new_signing_key(
    folder: KeysFolder = Path("keys"),
) -> None:
    """Make a key. Workers list it within seconds, and sign with it once all gateways know it."""
    print(new_key(folder, datetime.now(UTC)))  # noqa: T201 - the command's output


@app.command("list")
def list_signing_keys(folder: KeysFolder = Path("keys")) -> None:
    """Show the keys, and which one signs now."""
    with reporting_errors():
        keyring = Keyring(folder, SystemClock())
    # A kid is there to be copied into `retire`: however narrow the terminal, it is written out.
    table = Table(Column("kid", no_wrap=True, min_width=len(keyring.signer.kid)), "made", "state", box=SIMPLE)
    for key in keyring.keys:
        state = "signs" if key is keyring.signer else "verifies"
        table.add_row(key.kid, f"{key.made_at:%Y-%m-%d %H:%M:%S}Z", state)
    Console(soft_wrap=True).print(table)


# One kid of 64 begins with a dash, and is no option.
@app.command("retire", context_settings={"ignore_unknown_options": True})
def retire_signing_key(kid: str, folder: KeysFolder = Path("keys")) -> None:
    """Take a key out of use: tokens that it signed are dead within seconds."""
    with reporting_errors():
        print(retire_key(folder, kid))  # noqa: T201 - the command's output
