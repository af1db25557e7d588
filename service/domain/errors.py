"""The kinds of refusal. A leaf names what happened; its docstring is the message that callers read.

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
        field: The field of the request that is to blame, if there is one.
        retryable: Whether the same request may succeed later.
        retry_after_ms: When, if that is known.

    """

    field: ClassVar[str | None] = None
    retryable: ClassVar[bool] = False
    retry_after_ms: int | None = None


class Invalid(ServiceError):
    """The request is not valid."""


class Unauthenticated(ServiceError):
    """Sign in first."""


class Forbidden(ServiceError):
    """You may not do this."""


class NotFound(ServiceError):
    """There is no such thing."""


class Conflict(ServiceError):
    """The request contradicts what is stored."""


class RateLimited(ServiceError):
    """Too many requests."""

    retryable = True


class DeadlineExceeded(ServiceError):
    """The time given for this request is over."""

    retryable = True


class Unavailable(ServiceError):
    """The service cannot do this just now; try again later."""

    retryable = True
