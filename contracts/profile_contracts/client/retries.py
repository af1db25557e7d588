"""When a call that failed is sent again.

Only what can't do harm: a refusal that the service calls retryable, a request that never left or that its
queue refused, and after a lost reply those requests that have their effect once under one key.
"""

import random
from typing import Any, Final

from profile_contracts.errors import (
    CallFailed,
    DeadlineExceeded,
    Disconnected,
    ErrorReply,
    Internal,
    Nacked,
    NotSent,
    Unavailable,
    Unroutable,
)
from profile_contracts.operations import AUTH_LOGOUT, Operation

_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 5.0


def pause_before_retry(operation: Operation[Any, Any], failure: CallFailed, tries: int) -> float | None:
    """Return how many seconds to wait before the call is sent again, or None if it must not be.

    *tries* is how often it was sent. Pauses grow exponentially, with jitter ("Exponential Backoff And
    Jitter", AWS Architecture Blog), and are never shorter than the service asks for.
    """
    if not _is_safe(operation, failure):
        return None
    return _asked_for(failure) + backoff(tries)


def may_have_arrived(failure: CallFailed) -> bool:
    """Return whether nobody knows if the request was carried out that ended so."""
    if isinstance(failure, Disconnected):
        return failure.sent
    return isinstance(failure, Unavailable | DeadlineExceeded | Internal)


def says_not_sent(failure: CallFailed) -> bool:
    """Return whether *failure* says that the request, as it was sent last, was not carried out."""
    return isinstance(failure, NotSent | Unroutable) or (
        isinstance(failure, Disconnected) and not failure.sent
    )


def says_nothing_of_earlier(operation: Operation[Any, Any], failure: CallFailed) -> bool:
    """Return whether an earlier attempt may have succeeded, although the last one has failed so.

    A logout that comes again finds its own session ended.
    """
    is_logged_out = operation is AUTH_LOGOUT and failure.reason == "session_ended"
    return is_logged_out or says_not_sent(failure)


def backoff(tries: int) -> float:
    """Return how many seconds to wait after so many tries: between half and all of a time that grows."""
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(tries - 1, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing


def _is_safe(operation: Operation[Any, Any], failure: CallFailed) -> bool:
    if isinstance(failure, Disconnected):
        return operation.resendable or not failure.sent
    return isinstance(failure, Nacked) or (
        isinstance(failure, ErrorReply)
        and failure.error.retryable
        and not isinstance(failure, DeadlineExceeded)
    )


def _asked_for(failure: CallFailed) -> float:
    return (failure.error.retry_after_ms or 0) / 1000 if isinstance(failure, ErrorReply) else 0.0
