"""The time that a request has."""

from collections.abc import Callable
from dataclasses import dataclass

from service.app.clock import Clock
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.deadlines import limit_of, limited


@dataclass(frozen=True, slots=True)
class Deadline:
    """Ends a request when its caller has stopped waiting, or when it has had all the time that we give.

    Reads the property `expiration` (milliseconds from the publish) and the header `x-deadline` (epoch
    milliseconds). Answers `deadline_exceeded` when the caller's time is over, and otherwise `unavailable`,
    `service_timeout`, which is a failure of ours: it is retried. MongoDB gets nine tenths of the time, as
    `maxTimeMS`, and next to none while the circuit is open.

    Attributes:
        db_timeout: Returns how many seconds MongoDB gets of those that the request has.

    """

    clock: Clock
    db_timeout: Callable[[float], float]

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on within the time, or raise `OutOfTime` or `ServiceTimeout`."""
        limit = limit_of(context.message, self.clock.now().timestamp(), context.spent)
        async with limited(limit, self.db_timeout(limit.seconds)):
            await call_next(context)
