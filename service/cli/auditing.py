"""The audit trail of operators: what they did, and never what it was about in words."""

import sys
from datetime import UTC, datetime

import structlog


def record(event: str, **about: str | int | bool | None) -> None:
    """Leave a line like those of the worker, on standard error: standard output is for results."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), processors=[structlog.processors.JSONRenderer()]
    )
    when = datetime.now(UTC).isoformat()
    log.bind(logger="profile.audit", level="info", timestamp=when).info(event, actor="profilectl", **about)
