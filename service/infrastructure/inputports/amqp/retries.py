"""Messages that come again: redelivered by the broker, or tried again later."""

from typing import Any, Final

from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.operations import AUTH_LOGIN, AUTH_REFRESH, Kind, Operation
from service.domain.errors import DeadlineExceeded, ServiceError, Unavailable
from service.infrastructure.inputports.amqp.deadlines import ServiceTimeout
from service.infrastructure.rabbitmq.topology import RETRIES

# In the order in which a message waits in them.
_DELAYS: Final = tuple(RETRIES)
# A command that takes all of our time so often, over hours, is to blame for that itself.
_MOST_TIMEOUTS: Final = 20


class TooManyDeliveries(Exception):
    """Workers have died or lost their connection over this message time and again."""


def delivery_count(message: AbstractIncomingMessage) -> int:
    """Return how often the broker has delivered *message* before. Callers may write the header, too."""
    count = message.headers.get("x-delivery-count") if message.redelivered else 0
    return count if isinstance(count, int) else 0


def is_retryable(operation: Operation[Any, Any]) -> bool:
    """Return whether requests of *operation* are worth carrying out later: commands are.

    But new tokens are of no use to somebody who has stopped waiting for them.
    """
    return operation.kind is Kind.COMMAND and operation not in (AUTH_LOGIN, AUTH_REFRESH)


def pauses_in_outages(operation: Operation[Any, Any]) -> bool:
    """Return whether requests of *operation* are left in their queue while the database is away.

    People wait for what is about their sessions: they are told at once that it cannot be done.
    """
    return operation.kind is Kind.COMMAND and not operation.queue.startswith("auth.")


def is_transient(error: Exception) -> bool:
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
    if isinstance(error, ServiceError) and not is_transient(error):
        return None
    if tried >= len(_DELAYS) and not isinstance(error, Unavailable):
        return None
    if tried + 1 >= _MOST_TIMEOUTS and isinstance(error, ServiceTimeout):
        return None
    return _DELAYS[min(tried, len(_DELAYS) - 1)]
