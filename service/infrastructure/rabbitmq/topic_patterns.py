"""Routing keys by pattern, as topic exchanges match them (RabbitMQ documentation, "Topics")."""

from collections.abc import Sequence


def matches(pattern: str, routing_key: str) -> bool:
    """Return whether *pattern* means *routing_key*: `*` is a word, `#` any number of them, even none."""
    return _match(pattern.split("."), routing_key.split("."))


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(_match(rest, words[taken:]) for taken in range(len(words) + 1))
    return bool(words) and first in ("*", words[0]) and _match(rest, words[1:])
