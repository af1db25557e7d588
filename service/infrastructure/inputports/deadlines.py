"""How long a request may take: as long as its caller waits, and never longer than the service allows."""

import math
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.domain.errors import DeadlineExceeded

MAX_SECONDS: Final = 30.0


class OutOfTime(DeadlineExceeded):
    """The time given for this request is over."""


def seconds_left(message: AbstractIncomingMessage, now: float) -> float:
    """Return how many seconds from *now* (epoch seconds) a request may take; at most 30.

    The caller says so by the header `x-deadline` (epoch milliseconds) and by the property
    `expiration`. A header that is no number is passed over: it is a hint, not part of the request.

    Raises:
        OutOfTime: The deadline has passed.

    """
    left = min(MAX_SECONDS, _number(message.headers.get("x-deadline")) / 1000 - now)
    if message.expiration is not None:
        left = min(left, _number(message.expiration))
    if left <= 0:
        raise OutOfTime
    return left


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number
