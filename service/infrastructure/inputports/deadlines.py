"""How long a request may take: as long as its caller waits, and never longer than the service allows."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.domain.errors import DeadlineExceeded
from service.pkg.database import answering_within

MAX_SECONDS: Final = 30.0
# So far may the clocks of a caller and of a worker be apart.
SKEW_SECONDS: Final = 30.0
# A reply that says that the time is over is worth a try, too.
_LEAST_TO_REPLY: Final = 1.0


class OutOfTime(DeadlineExceeded):
    """The time given for this request is over."""


def seconds_left(message: AbstractIncomingMessage, now: float, spent: float = 0.0) -> float:
    """Return how many seconds from *now* (epoch seconds) a request may take; at most 30.

    The caller says so by the header `x-deadline` (epoch milliseconds) and by the property
    `expiration`, of which *spent* seconds have passed since the broker delivered it. A header that is
    no number is passed over: it is a hint, not part of the request.

    The header is a time by another clock. Where `expiration` says how long, which needs no clock, it only
    counts if it is over by more than clocks may be apart; and without that, such a time is not over either.

    Raises:
        OutOfTime: The deadline has passed.

    """
    if (left := _left(message, now, spent)) <= 0:
        raise OutOfTime
    return left


def seconds_to_reply(message: AbstractIncomingMessage, now: float, spent: float) -> float:
    """Return for how many seconds from *now* it is worth trying to send a reply: while somebody waits."""
    return max(_LEAST_TO_REPLY, _left(message, now, spent))


@asynccontextmanager
async def limited(seconds: float, patience: float) -> AsyncIterator[None]:
    """Raise `OutOfTime` when the time is over; let other timeouts pass as they are.

    *patience* is for the database alone, so that its failure can be told in time.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            with answering_within(patience):
                yield
    except TimeoutError:
        if limit.expired():
            raise OutOfTime from None
        raise


def _left(message: AbstractIncomingMessage, now: float, spent: float) -> float:
    expiration = math.inf if message.expiration is None else _number(message.expiration)
    by_header = _number(message.headers.get("x-deadline")) / 1000 - now
    if message.expiration is not None or by_header <= 0:
        by_header += SKEW_SECONDS
    return min(MAX_SECONDS - spent, expiration - spent, by_header)


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number
