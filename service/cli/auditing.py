"""The audit trail of operators: what they did, and never what it was about in words."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from service.domain.errors import Unavailable


def record(event: str, **about: str | int | bool | None) -> None:
    """Leave a line like those of the worker, on standard error: standard output is for results."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), processors=[structlog.processors.JSONRenderer()]
    )
    when = datetime.now(UTC).isoformat()
    log.bind(logger="profile.audit", level="info", timestamp=when).info(event, actor="profilectl", **about)


@contextmanager
def recorded(event: str, **about: str) -> Iterator[dict[str, str]]:
    """Record what is done in the block as *event*; gives *about*, to add to.

    Also if a signal, or a server that went away, ends it, and nobody knows how far it came. What was
    refused has not been done.
    """
    try:
        yield about
    except (asyncio.CancelledError, Unavailable):
        record(event, **about, interrupted=True)
        raise
    record(event, **about)
