"""What the typed client raises.

CallFailed                  each one has `code`, `reason` and `retryable`, as the errors of the service have
├── ErrorReply              the service answered with an error
│   ├── Invalid             invalid
│   ├── Unauthenticated     unauthenticated
│   ├── Forbidden           forbidden
│   ├── NotFound            not_found
│   ├── Conflict            conflict
│   ├── RateLimited         rate_limited
│   ├── DeadlineExceeded    deadline_exceeded
│   ├── Unavailable         unavailable
│   └── Internal            internal
├── NoReply                 nothing came back in time: the outcome is unknown
├── UnreadableReply         what came back is no reply of this contract: the outcome is unknown
├── Unroutable              no queue took the request: it was not carried out
│   └── Nacked              a queue refused it: it is full, or has just lost its leader
├── NotSent                 the request can't be sent as it is, or the client is closed
├── QueueRefused            the broker does not let this user have a queue of events or replies
└── Disconnected            the connection broke; `sent` says whether the request may have arrived
"""

from typing import Final

from profile_contracts.replies import ErrorBody, ErrorCode


class CallFailed(Exception):
    """A request has no result.

    Attributes:
        code: Of the closed list; what the service would say, if it could.
        reason: The precise reason, in snake case.
        retryable: Whether the same request may succeed later.

    """

    code: ErrorCode
    reason: str
    retryable: bool


class NoReply(CallFailed):
    """No reply came in time; whether the request was carried out is unknown."""

    code = ErrorCode.DEADLINE_EXCEEDED
    reason = "no_reply"
    retryable = True


class Unroutable(CallFailed):
    """The broker has no queue for the request; it was not carried out."""

    code = ErrorCode.UNAVAILABLE
    reason = "unroutable"
    retryable = True


class Nacked(Unroutable):
    """A queue refused the request, which was not carried out.

    It is full, or the node that led it has just gone (RabbitMQ documentation, "Negative Acknowledgements for
    Publishers").
    """

    reason = "nacked"


class UnreadableReply(CallFailed):
    """The reply is not one of this contract; whether the request was carried out is unknown."""

    code = ErrorCode.INTERNAL
    reason = "unreadable_reply"
    retryable = False


class NotSent(CallFailed):
    """The request was not sent: the client is closed, or the request can't be sent as it is."""

    code = ErrorCode.INVALID
    reason = "not_sent"
    retryable = False


class QueueRefused(CallFailed):
    """The broker does not let this user have a queue for events or replies, or not bind it to events."""

    code = ErrorCode.FORBIDDEN
    reason = "queue_refused"
    retryable = False


class Disconnected(CallFailed):
    """There is no connection to the broker.

    Attributes:
        sent: Whether the request may have arrived: its outcome is unknown then. Otherwise it was not
            carried out.

    """

    code = ErrorCode.UNAVAILABLE
    reason = "disconnected"
    retryable = True

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class ErrorReply(CallFailed):
    """The service answered with an error.

    Attributes:
        error: The error as it came: code, reason, message, retryable, retry_after_ms, details.

    """

    def __init__(self, error: ErrorBody) -> None:
        super().__init__(f"{error.code.value}, {error.reason}: {error.message}")
        self.error = error
        self.code = error.code
        self.reason = error.reason
        self.retryable = error.retryable


class Invalid(ErrorReply):
    """The request is wrong and will stay wrong."""


class Unauthenticated(ErrorReply):
    """The service does not know who asks."""


class Forbidden(ErrorReply):
    """Whoever asks may not do this."""


class NotFound(ErrorReply):
    """The thing is not there, or not for the one who asks."""


class Conflict(ErrorReply):
    """The request contradicts what is stored."""


class RateLimited(ErrorReply):
    """Too many requests; `error.retry_after_ms` says when to come back."""


class DeadlineExceeded(ErrorReply):
    """The time that the caller gave is over."""


class Unavailable(ErrorReply):
    """Something the service needs is not there just now."""


class Internal(ErrorReply):
    """The service failed in a way it did not foresee."""


_BY_CODE: Final[dict[ErrorCode, type[ErrorReply]]] = {
    ErrorCode.INVALID: Invalid,
    ErrorCode.UNAUTHENTICATED: Unauthenticated,
    ErrorCode.FORBIDDEN: Forbidden,
    ErrorCode.NOT_FOUND: NotFound,
    ErrorCode.CONFLICT: Conflict,
    ErrorCode.RATE_LIMITED: RateLimited,
    ErrorCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    ErrorCode.UNAVAILABLE: Unavailable,
    ErrorCode.INTERNAL: Internal,
}


def to_exception(error: ErrorBody) -> ErrorReply:
    """Return the exception that stands for *error*."""
    return _BY_CODE[error.code](error)
