"""Errors into replies: one table from the kinds of the domain to the codes of the wire."""

from collections.abc import Mapping
from typing import Final

from profile_contracts.replies import ErrorBody, ErrorCode, ErrorDetail
from service.domain.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from service.infrastructure.inputports.amqp.decoding import Malformed

_CODES: Final[Mapping[type[ServiceError], ErrorCode]] = {
    Invalid: ErrorCode.INVALID,
    Unauthenticated: ErrorCode.UNAUTHENTICATED,
    Forbidden: ErrorCode.FORBIDDEN,
    NotFound: ErrorCode.NOT_FOUND,
    Conflict: ErrorCode.CONFLICT,
    RateLimited: ErrorCode.RATE_LIMITED,
    DeadlineExceeded: ErrorCode.DEADLINE_EXCEEDED,
    Unavailable: ErrorCode.UNAVAILABLE,
}
INTERNAL: Final = ErrorBody(
    code=ErrorCode.INTERNAL,
    reason="internal_error",
    message="The service failed; report the correlation id.",
    retryable=True,
)


def error_body(error: Exception) -> ErrorBody:
    """Return what a caller is told about *error*; of an unforeseen one, or one of no kind, nothing."""
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
    if code is None or not isinstance(error, ServiceError):
        return INTERNAL
    return ErrorBody(
        code=code,
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        retry_after_ms=error.retry_after_ms,
        details=_details(error),
    )


def _details(error: ServiceError) -> tuple[ErrorDetail, ...] | None:
    if isinstance(error, Malformed):
        return error.details or None
    return (ErrorDetail(field=error.field, reason=error.reason),) if error.field else None
