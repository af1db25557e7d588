"""How long a request may take: as long as its caller waits, and otherwise as long as the service allows."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.domain.errors import DeadlineExceeded, Unavailable
from service.pkg.database import operation_deadline

# Our own limit for the work on one request. What was spent in a queue of ours before does not count.
MAX_SECONDS: Final = 30.0
# So far may the clocks of a caller and of a worker be apart.
SKEW_SECONDS: Final = 30.0
# The part of its time that a request may wait for the database, so that its refusal still comes in time.
DATABASE_SHARE: Final = 0.9
# The driver gives up a little before its time is over, because it expects a round trip to the server.
_ROUND_TRIP: Final = 0.02
# A reply that says that the time is over is worth a try, too.
_LEAST_TO_REPLY: Final = 1.0
# Where the caller has set no limit: somebody may still wait for what a command has led to, and whoever
# misses the answer to a query asks again.
_MOST_TO_REPLY: Final = 600.0
# Beyond that, milliseconds are no whole numbers for everybody (RFC 8259, 6).
_NEVER: Final = 2**53


class OutOfTime(DeadlineExceeded):
    """The caller's deadline has passed."""

    reason = "out_of_time"
    message = "The time given for this request is over."


class ServiceTimeout(Unavailable):
    """Our own limit for one request has passed."""

    reason = "service_timeout"
    message = "The service did not get this done in its own time; try again later."


@dataclass(frozen=True, slots=True)
class Limit:
    """How long the work on a request may take.

    Attributes:
        seconds: At most `MAX_SECONDS`.
        is_callers: Whether the caller has set it. Only then is its end the end of the request.

    """

    seconds: float
    is_callers: bool


def caller_deadline(message: AbstractIncomingMessage, now: float, spent: float = 0.0) -> float:
    """Return until when the caller of *message* waits, in epoch seconds; infinity if that is not said.

    The caller says so by the header `x-deadline` (epoch milliseconds) and by the property
    `expiration`, of which *spent* seconds have passed at *now* since the broker delivered it. A header
    that is no number is passed over: it is a hint, not part of the request.
    """
    return min(now - spent + _expiration(message), _header(message))


def deadline_header(deadline: float) -> dict[str, int]:
    """Return the header that keeps a caller's *deadline* (epoch seconds) while the request waits.

    An expiration counts from each publish, and would begin anew with each retry.
    """
    milliseconds = deadline * 1000
    return {"x-deadline": max(0, round(milliseconds))} if milliseconds < _NEVER else {}


def limit_of(message: AbstractIncomingMessage, now: float, spent: float = 0.0) -> Limit:
    """Return how long the work on *message* may take from *now* on (epoch seconds).

    Raises:
        OutOfTime: The caller's deadline has passed.

    """
    left = _left(message, now, spent)
    if left <= 0:
        raise OutOfTime
    return Limit(min(left, MAX_SECONDS), is_callers=left <= MAX_SECONDS)


def seconds_to_reply(message: AbstractIncomingMessage, now: float, spent: float, *, confirmed: bool) -> float:
    """Return for how many seconds from *now* it is worth trying to send a reply: while somebody waits."""
    left = _left(message, now, spent)
    return max(_LEAST_TO_REPLY, min(left, _MOST_TO_REPLY if confirmed else MAX_SECONDS))


@asynccontextmanager
async def limited(limit: Limit, db_timeout: float) -> AsyncIterator[None]:
    """Raise `OutOfTime` or `ServiceTimeout` when the time is over; let other timeouts pass as they are.

    *db_timeout* is for the database alone, so that its failure can be told in time. Whose time is over is
    told whichever layer noticed it: a database that was asked too late is not away.
    """
    started = time.monotonic()
    try:
        async with asyncio.timeout(limit.seconds) as timer:
            with operation_deadline(db_timeout):
                yield
    except TimeoutError:
        if not timer.expired():
            raise
        raise (OutOfTime if limit.is_callers else ServiceTimeout) from None
    except Unavailable:
        if time.monotonic() - started >= limit.seconds * DATABASE_SHARE - _ROUND_TRIP:
            raise (OutOfTime if limit.is_callers else ServiceTimeout) from None
        raise


def _left(message: AbstractIncomingMessage, now: float, spent: float) -> float:
    """Return for how long the caller waits still, though the clocks of both may be apart.

    The header is a time by another clock. Where `expiration` says how long, which needs no clock, it only
    counts if it is over by more than clocks may be apart; and without that, such a time is not over either.
    """
    by_header = _header(message) - now
    if message.expiration is not None or by_header <= 0:
        by_header += SKEW_SECONDS
    return min(_expiration(message) - spent, by_header)


def _expiration(message: AbstractIncomingMessage) -> float:
    return math.inf if message.expiration is None else _number(message.expiration)


def _header(message: AbstractIncomingMessage) -> float:
    return _number(message.headers.get("x-deadline")) / 1000


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number
