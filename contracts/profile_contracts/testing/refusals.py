"""What the service answers with an error."""

from typing import Any, Final

from pydantic import MISSING

from profile_contracts.errors import ErrorReply, to_exception
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS
from profile_contracts.replies import ErrorBody, ErrorCode, ErrorDetail

_CODES: Final[dict[str, ErrorCode]] = {
    **COMMON_ERRORS,
    **{reason: code for operation in OPERATIONS for reason, code in operation.errors.items()},
}
_RETRYABLE_CODES: Final = {ErrorCode.RATE_LIMITED, ErrorCode.DEADLINE_EXCEEDED, ErrorCode.UNAVAILABLE}
_RETRYABLE_REASONS: Final = {"too_many_writers", "internal_error"}


def refused(reason: str, *, field: str | None = None, retry_after_ms: int | None = None) -> ErrorReply:
    """Return the exception that the client raises when the service answers with *reason*.

    Args:
        reason: As `docs/reference/errors.md` lists them.
        field: The field of the request that is to blame.
        retry_after_ms: When to come back, in milliseconds.

    Raises:
        KeyError: No operation has such a reason.

    """
    code = _CODES[reason]
    return to_exception(
        ErrorBody(
            code=code,
            reason=reason,
            message=f"The fake refuses this: {reason}.",
            retryable=code in _RETRYABLE_CODES or reason in _RETRYABLE_REASONS,
            retry_after_ms=retry_after_ms,
            details=(ErrorDetail(field=field, reason=reason),) if field else None,
        )
    )


def require_version(expected: Any, version: int) -> None:  # noqa: ANN401 - an integer, or missing
    """Raise `Conflict` if something is at another version than was *expected*."""
    if expected not in (MISSING, version):
        raise refused("stale_version", field="expected_version")
