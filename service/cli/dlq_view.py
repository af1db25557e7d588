"""Dead letters on a screen. Whatever came over the wire is written out harmlessly."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from service.infrastructure.rabbitmq.dead_letter import DeadLetter, replay_blocker

# What the overview needs.
_WIDTH: Final = 110


def escape_control(text: str) -> str:
    """Return *text* with what a terminal would obey, or could not write, spelled out."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def overview(found: dict[str, list[DeadLetter] | str]) -> None:
    """Show how many letters there are in each queue, and why; or why that is not known."""
    # However narrow the terminal, names and reasons are written out: they are there to be copied.
    table = Table(
        Column("queue", no_wrap=True),
        Column("letters", justify="right"),
        Column("oldest", no_wrap=True),
        Column("why, how often", overflow="fold"),
        box=SIMPLE,
    )
    for queue, letters in found.items():
        if isinstance(letters, str):
            table.add_row(queue, "?", "", escape(letters))
        else:
            table.add_row(queue, str(len(letters)), _oldest(letters), escape(_reasons(letters)))
    Console(soft_wrap=True, width=max(Console().width, _WIDTH)).print(table)


def as_data(found: dict[str, list[DeadLetter] | str]) -> dict[str, dict[str, Any]]:
    """Return what `overview` shows, for a program."""
    return {
        queue: {"unknown": letters}
        if isinstance(letters, str)
        else {
            "letters": len(letters),
            "oldest": _oldest(letters) or None,
            "why": Counter(f"{each.code or '?'}/{each.reason or '?'}" for each in letters),
        }
        for queue, letters in found.items()
    }


def _oldest(letters: Sequence[DeadLetter]) -> str:
    moments = [each.failed_at for each in letters if each.failed_at]
    return f"{min(moments).astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if moments else ""


def _reasons(letters: Sequence[DeadLetter]) -> str:
    counted = Counter(f"{each.code or '?'}/{each.reason or '?'}" for each in letters)
    return escape_control(", ".join(f"{name} {count}" for name, count in counted.most_common()))


def letters_as_data(letters: Sequence[DeadLetter], allowed: frozenset[str]) -> list[dict[str, Any]]:
    """Return what `write_out` shows, for a program."""
    return [
        {
            "id": letter.id,
            "failed_at": letter.failed_at.isoformat() if letter.failed_at else None,
            "code": letter.code,
            "reason": letter.reason,
            "error_type": letter.error_type,
            "origin": letter.origin,
            "attempts": letter.attempts,
            "replays": letter.replays,
            "cannot_be_replayed": replay_blocker(letter, allowed),
            "body": letter.message.body.decode(errors="replace"),
        }
        for letter in letters
    ]


def write_out(letters: Sequence[DeadLetter], allowed: frozenset[str], *, of: int) -> None:
    """Show *letters* in full."""
    for letter in letters:
        moment = letter.failed_at.isoformat() if letter.failed_at else "an unknown time"
        refused = replay_blocker(letter, allowed)
        lines = (
            escape_control(letter.id),
            f"  failed at {moment}: {escape_control(f'{letter.code}/{letter.reason} ({letter.error_type})')}",
            f"  sent to {escape_control(letter.origin)}, tried {letter.attempts}, replayed {letter.replays}",
            f"  {'cannot be replayed: ' + refused if refused else 'can be replayed'}",
            f"  {escape_control(letter.message.body.decode(errors='replace'))}",
        )
        typer.echo("\n".join(lines))
    typer.echo(f"{len(letters)} of {of} shown.")
