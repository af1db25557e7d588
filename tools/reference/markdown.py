"""Markdown whose lines are at most 120 characters long."""

import json
import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 120


def paragraph(text: str) -> str:
    """Return *text* in lines."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def item(text: str) -> str:
    """Return *text* as an item of a list."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def items(texts: Iterable[str]) -> str:
    """Return a list of *texts*."""
    return "\n".join(map(item, texts))


def code(value: object) -> str:
    """Return *value* as an example in JSON: in one line if it fits, else with each member on its own."""
    short = json.dumps(value, ensure_ascii=False)
    return (
        f"```json\n{short if len(short) <= WIDTH else json.dumps(value, ensure_ascii=False, indent=2)}\n```"
    )


def blocks(*parts: str) -> str:
    """Return *parts* with a blank line between them; empty ones are left out."""
    return "\n\n".join(filter(None, parts))
