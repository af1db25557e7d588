"""The keys that access tokens are signed with, and the root keys of everything else."""

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
from service.infrastructure.security.root_key_files import new_root_key
from service.infrastructure.security.root_keyring import RootKeyring

app = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with, and root keys.")

KeysFolder = Annotated[Path, typer.Argument(envvar="SIGNING_KEYS_DIR")]


@app.command("new")
def new(
    folder: KeysFolder = Path("keys"),
    *,
    root: Annotated[
        bool, typer.Option("--root", help="A root key: that of refresh tokens, and of all but access tokens.")
    ] = False,
) -> None:
    """Make a key. Workers read it within seconds, and use it once all who have to know it do."""
    print((new_root_key if root else new_key)(folder, datetime.now(UTC)))  # noqa: T201 - the command's output


@app.command("list")
def list_keys(folder: KeysFolder = Path("keys")) -> None:
    """Show the keys, and which one of each kind is used now."""
    with reporting_errors():
        keyring, root_keyring = Keyring(folder, SystemClock()), RootKeyring(folder, SystemClock())
    # A kid is there to be copied into `retire`: however narrow the terminal, it is written out.
    kid = Column("kid", no_wrap=True, min_width=len(keyring.signer.kid))
    table = Table(kid, "kind", "made", "state", box=SIMPLE)
    for key in keyring.keys:
        state = "signs" if key is keyring.signer else "verifies"
        table.add_row(key.kid, "signing", _time(key.made_at), state)
    for root in root_keyring.keys:
        state = "current" if root is root_keyring.current else "accepted"
        table.add_row(root.kid, "root", _time(root.made_at) if root.made_at else "the first one", state)
    Console(soft_wrap=True).print(table)


# One kid of 64 begins with a dash, and is no option.
@app.command("retire", context_settings={"ignore_unknown_options": True})
def retire(kid: str, folder: KeysFolder = Path("keys")) -> None:
    """Take a key out of use: what it has signed or made is dead within seconds."""
    with reporting_errors():
        print(retire_key(folder, kid))  # noqa: T201 - the command's output


def _time(made_at: datetime) -> str:
    return f"{made_at:%Y-%m-%d %H:%M:%S}Z"
