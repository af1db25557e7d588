"""Trying again later what nobody waits for."""

from collections.abc import Mapping
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.operations import AUTH_LOGIN, AUTH_REFRESH, Kind, Operation
from service.domain.errors import DeadlineExceeded, ServiceError, Unavailable
from service.infrastructure.inputports.deadlines import ServiceTimeout
from service.infrastructure.inputports.principals import MAX_ADDRESS, MAX_AUTHORIZATION
from service.pkg.message_fields import short_text, text_header, trace_header

# The queues of the topology that hold a message back, and how often it was tried before it waits there.
DELAYS: Final = ("profile.retry.5s", "profile.retry.30s", "profile.retry.300s")
# Beyond that, milliseconds are no whole numbers for everybody (RFC 8259, 6).
_NEVER: Final = 2**53
# A command that takes all of our time so often, over hours, is to blame for that itself.
_MOST_TIMEOUTS: Final = 20
# The headers of a caller that a request needs when it is tried again, and how long they may be. No others
# go with it: the broker would obey `CC` and `BCC` once more.
_KEPT: Final = {"authorization": MAX_AUTHORIZATION, "x-client-ip": MAX_ADDRESS}


def can_wait(operation: Operation[Any, Any]) -> bool:
    """Return whether requests of *operation* are worth carrying out later: commands are.

    But new tokens are of no use to somebody who has stopped waiting for them.
    """
    return operation.kind is Kind.COMMAND and operation not in (AUTH_LOGIN, AUTH_REFRESH)


def rests_in_outages(operation: Operation[Any, Any]) -> bool:
    """Return whether requests of *operation* are left in their queue while the database is away.

    People wait for what is about their sessions: they hear at once that it cannot be done.
    """
    return operation.kind is Kind.COMMAND and not operation.queue.startswith("auth.")


def passes(error: Exception) -> bool:
    """Return whether *error* is a refusal that says nothing against the request: later it may succeed."""
    return isinstance(error, ServiceError) and error.retryable and not isinstance(error, DeadlineExceeded)


def delay_before_retry(tried: int, error: Exception) -> str | None:
    """Return the queue in which a message waits until it is tried again, or `None` if it is not.

    What is not there just now will be there later, however long that takes; of an unforeseen error,
    more than a few tries are no use. Our own limits are no failure of the command's, either.

    Args:
        tried: How often it was tried before.
        error: What happened to it this time.

    """
    if isinstance(error, ServiceError) and not passes(error):
        return None
    if tried >= len(DELAYS) and not isinstance(error, Unavailable):
        return None
    if tried >= _MOST_TIMEOUTS and isinstance(error, ServiceTimeout):
        return None
    return DELAYS[min(tried, len(DELAYS) - 1)]


def deadline_header(deadline: float) -> dict[str, int]:
    """Return the header that keeps a caller's *deadline* (epoch seconds) while the request waits.

    An expiration counts from each publish, and would begin anew with each retry.
    """
    milliseconds = deadline * 1000
    return {"x-deadline": max(0, round(milliseconds))} if milliseconds < _NEVER else {}


def tried_again(
    message: AbstractIncomingMessage, message_id: str | None, headers: Mapping[str, str | int]
) -> Message:
    """Return *message* as it will be tried again under *message_id*, with *headers* of ours."""
    kept: dict[str, Any] = trace_header(message.headers)
    for name, longest in _KEPT.items():
        kept |= text_header(message.headers, name, longest)
    return Message(
        message.body,
        content_type=short_text(message.content_type),
        correlation_id=short_text(message.correlation_id),
        message_id=short_text(message_id),
        headers={**kept, **headers},
        delivery_mode=DeliveryMode.PERSISTENT,
    )
