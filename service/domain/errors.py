"""The kinds of refusal. A leaf names what happened: `reason` and `message` are what callers get to read.

ServiceError
├── Invalid            the request will stay wrong
├── Unauthenticated    it is not known who asks
├── Forbidden          whoever asks may not do this
├── NotFound           the thing is not there, or not for the one who asks
├── Conflict           the request contradicts what is stored
├── RateLimited        too many requests
├── DeadlineExceeded   the caller's time is over
└── Unavailable        something that is needed is not there just now
"""

from typing import ClassVar


class ServiceError(Exception):
    """A request was refused.

    Attributes:
        reason: What callers' programs go by. It is part of the contract, whatever the class is called.
        message: What people read. It says nothing of what was sent.
        field: The field of the request that is to blame, if there is one.
        retryable: Whether the same request may succeed later.
        retry_after_ms: When, if that is known.

    """

    reason: ClassVar[str]
    message: ClassVar[str]
    field: str | None = None
    retryable: ClassVar[bool] = False
    retry_after_ms: int | None = None


class Invalid(ServiceError):
    """It will stay wrong, however often it is sent."""

    reason = "invalid"
    message = "The request is not valid."


class Unauthenticated(ServiceError):
    """It is not known who asks."""

    reason = "unauthenticated"
    message = "Sign in first."


class Forbidden(ServiceError):
    """It is known who asks, and that they may not."""

    reason = "forbidden"
    message = "You may not do this."


class NotFound(ServiceError):
    """It is not there, or not for whoever asks."""

    reason = "not_found"
    message = "There is no such thing."


class Conflict(ServiceError):
    """It cannot be done to what is stored."""

    reason = "conflict"
    message = "The request contradicts what is stored."


class RateLimited(ServiceError):
    """Whoever asks has to wait."""

    reason = "rate_limited"
    message = "Too many requests."
    retryable = True


class DeadlineExceeded(ServiceError):
    """Nobody waits for the answer any more."""

    reason = "deadline_exceeded"
    message = "The time given for this request is over."
    retryable = True


class Unavailable(ServiceError):
    """Something that is needed is not there just now."""

    reason = "unavailable"
    message = "The service cannot do this just now; try again later."
    retryable = True


class StaleVersion(Conflict):
    """What is stored is not the version that the change was made for (optimistic concurrency)."""

    reason = "stale_version"
    message = "It has changed since the version you know."
    field = "expected_version"


class AuthorizationChanged(Exception):
    """What gave the right to a write may not hold any more, a session or a role: authorize again."""
