"""Trying again later what nobody waits for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.operations import Kind, Operation
from service.domain.errors import Conflict, ServiceError, Unavailable

# The queues of the topology that hold a message back, and how often it was tried before it waits there.
DELAYS: Final = ("profile.retry.5s", "profile.retry.30s", "profile.retry.300s")
_ATTEMPT: Final = "x-attempt"


def can_wait(operation: Operation[Any, Any]) -> bool:
    """Return whether requests of *operation* are worth carrying out later: commands are.

    But tokens are of no use to somebody who has stopped waiting for them.
    """
    return operation.kind is Kind.COMMAND and not operation.queue.startswith("auth.")


def attempts(message: AbstractIncomingMessage) -> int:
    """Return how many times *message* was tried before. Only this service sends such a header on."""
    tried = message.headers.get(_ATTEMPT)
    return tried if isinstance(tried, int) and tried > 0 else 0


def delay_before_retry(message: AbstractIncomingMessage, error: Exception) -> str | None:
    """Return the queue in which *message* waits until it is tried again, or `None` if it is not.

    What is not there just now will be there later, however long that takes; of an unforeseen error,
    more than a few tries are no use.
    """
    passes = isinstance(error, Unavailable | Conflict) and error.retryable
    if isinstance(error, ServiceError) and not passes:
        return None
    tried = attempts(message)
    if tried >= len(DELAYS) and not isinstance(error, Unavailable):
        return None
    return DELAYS[min(tried, len(DELAYS) - 1)]


def deadline_of(message: AbstractIncomingMessage, now: datetime) -> dict[str, int]:
    """Return the header that holds the time limit of *message*: its expiration counts from each publish."""
    if message.expiration is None:
        return {}
    milliseconds = int((now.timestamp() + float(str(message.expiration))) * 1000)
    return {"x-deadline": milliseconds} if "x-deadline" not in message.headers else {}


def tried_again(message: AbstractIncomingMessage, headers: Mapping[str, Any]) -> Message:
    """Return *message* as it will be tried again, with *headers* added that say why."""
    return Message(
        message.body,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        message_id=message.message_id,
        type=message.type,
        app_id=message.app_id,
        timestamp=message.timestamp,
        headers={**message.headers, **headers, _ATTEMPT: attempts(message) + 1},
        delivery_mode=DeliveryMode.PERSISTENT,
    )
