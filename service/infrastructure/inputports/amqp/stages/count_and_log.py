"""Metrics, and the line in the log."""

import time
from collections import Counter
from dataclasses import dataclass

import structlog

from service.domain.errors import ServiceError
from service.infrastructure.inputports.amqp.context import MessageContext
from service.pkg.logger import what_and_where
from service.pkg.message_fields import trace_header

_log = structlog.get_logger("profile.requests")


@dataclass(frozen=True, slots=True)
class CountAndLog:
    """Counts the message by queue and code, and writes one line about it, with nothing in it that is secret.

    Reads the properties `correlation_id`, or `message_id` in its place, and `user_id`, and the header
    `traceparent` (W3C Trace Context).
    """

    outcomes: Counter[tuple[str, str]]

    async def __call__(self, context: MessageContext) -> None:
        """Count it; write the line."""
        message, error, cause = context.message, context.error, context.cause
        code = error.code.value if error else "ok"
        trace = trace_header(message.headers).get("traceparent", "")
        self.outcomes[context.route.queue, code] += 1
        log = _log.bind(
            operation=context.route.queue,
            correlation_id=message.correlation_id or message.message_id,
            service=message.user_id,
            code=code,
            reason=error.reason if error else None,
            ms=round((time.perf_counter() - context.started) * 1000, 2),
            **({"trace_id": trace.split("-")[1]} if trace else {}),
        )
        if cause is None or isinstance(cause, ServiceError):
            log.info("request")
        else:  # its message may quote what was sent, so only where and what kind
            log.error("request failed", **what_and_where(cause))
