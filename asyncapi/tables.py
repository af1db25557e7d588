"""Tables in Markdown."""

from collections.abc import Iterable, Mapping

from profile_contracts.replies import ErrorCode


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def reasons(errors: Mapping[str, ErrorCode]) -> str:
    """Return the table of *errors*."""
    return table(("reason", "code"), ((f"`{reason}`", f"`{code}`") for reason, code in errors.items()))
