"""The keys that access tokens are signed with, and the root keys of everything else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from service.cli.brokers import AsJson
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
    with reporting_errors():
        print((new_root_key if root else new_key)(folder, datetime.now(UTC)))  # noqa: T201 - the command's output


@app.command("list")
def list_keys(folder: KeysFolder = Path("keys"), *, as_json: AsJson = False) -> None:
    """Show the keys, and which one of each kind is used now."""
    with reporting_errors():
        found = _found(Keyring(folder, SystemClock()), RootKeyring(folder, SystemClock()))
    if as_json:
        for each in found:
            typer.echo(json.dumps(each._asdict()))
        return
    # A kid is there to be copied into `retire`: however narrow the terminal, it is written out.
    kid = Column("kid", no_wrap=True, min_width=len(found[0].kid))
    table = Table(kid, "kind", "made", "state", box=SIMPLE)
    for each in found:
        table.add_row(each.kid, each.kind, each.made or "the first one", each.state)
    Console(soft_wrap=True).print(table)


# One kid of 64 begins with a dash, and is no option.
@app.command("retire", context_settings={"ignore_unknown_options": True})
def retire(kid: str, folder: KeysFolder = Path("keys")) -> None:
    """Take a key out of use: what it has signed or made is dead within seconds."""
    with reporting_errors():
        print(retire_key(folder, kid))  # noqa: T201 - the command's output


class _Key(NamedTuple):
    """What there is to say of a key.

    Attributes:
        made: None for the root key that was there before they had names.

    """

    kid: str
    kind: str
    made: str | None
    state: str


def _found(keyring: Keyring, root_keyring: RootKeyring) -> list[_Key]:
    signing = [
        _Key(key.kid, "signing", _time(key.made_at), "signs" if key is keyring.signer else "verifies")
        for key in keyring.keys
    ]
    roots = [
        _Key(
            root.kid,
            "root",
            _time(root.made_at) if root.made_at else None,
            "current" if root is root_keyring.current else "accepted",
        )
        for root in root_keyring.keys
    ]
    return [*signing, *roots]


def _time(made_at: datetime) -> str:
    return f"{made_at:%Y-%m-%d %H:%M:%S}Z"
