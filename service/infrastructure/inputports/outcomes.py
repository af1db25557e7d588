"""What became of a request, and the line about it in the log."""

import time
import traceback
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from aio_pika.abc import AbstractIncomingMessage
from pydantic import BaseModel

from profile_contracts.fields import Request
from profile_contracts.replies import ErrorBody
from service.app.request_context import RequestContext
from service.domain.errors import Invalid, ServiceError
from service.infrastructure.inputports.decoding import Malformed

RequestT = TypeVar("RequestT", bound=Request)

_log = structlog.get_logger("profile.requests")


class ReplyToRefused(Invalid):
    """The property reply_to names a queue that callers may not use."""

    reason = "reply_to_refused"
    message = "Replies are not sent to this queue."


@dataclass(slots=True)
class Outcome(Generic[RequestT]):
    """What became of a request.

    Attributes:
        message_id: The name of a command. Where nobody has given it one, it gets one before it is tried, so
            that it can be tried again.
        arrived: When we got it, by the clock of `time.perf_counter`.
        reply_to: Where somebody still waits for a reply.
        is_too_large: Whether its body was dropped unread.

    """

    message_id: str | None
    arrived: float = field(default_factory=time.perf_counter)
    reply_to: str | None = None
    is_too_large: bool = False
    body: bytes = b""
    error: ErrorBody | None = None
    cause: Exception | None = None
    request: RequestT | None = None
    caller: RequestContext | None = None
    result: BaseModel | None = None

    @property
    def is_malformed(self) -> bool:
        """Whether it could not be understood."""
        return isinstance(self.cause, Malformed | ReplyToRefused)

    @property
    def is_failure(self) -> bool:
        """Whether the request has to be looked at by a person: we have failed."""
        return not isinstance(self.cause, ServiceError | None)

    @property
    def spent(self) -> float:
        """The seconds since the request arrived."""
        return time.perf_counter() - self.arrived


def log_outcome(
    message: AbstractIncomingMessage, queue: str, outcome: Outcome[RequestT], code: str, seconds: float
) -> None:
    """Write one line about the request in *message*, with nothing of it that may be secret."""
    log = _log.bind(
        operation=queue,
        correlation_id=message.correlation_id or message.message_id,
        service=message.user_id,
        code=code,
        reason=outcome.error.reason if outcome.error else None,
        ms=round(seconds * 1000, 2),
    )
    if outcome.cause is None or isinstance(outcome.cause, ServiceError):
        log.info("request")
    else:  # its message may quote what was sent, so only where and what kind
        frames = traceback.extract_tb(outcome.cause.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        log.error("request failed", error_type=type(outcome.cause).__name__, frames=where)
