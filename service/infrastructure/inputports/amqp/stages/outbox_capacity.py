"""Backpressure: no more changes than there can be events of."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


@dataclass(frozen=True, slots=True)
class OutboxCapacity:
    """Lets a command wait while too many events of this worker are not published yet.

    Otherwise a broker that takes no events would let the outboxes in the documents grow. What waits here
    holds a place of the prefetch, so the rest waits in the queue (RabbitMQ documentation, "Consumer
    Prefetch").
    """

    wait_capacity: Callable[[], Awaitable[None]]

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Wait for capacity; go on."""
        await self.wait_capacity()
        context.started = time.perf_counter()  # the time of waiting is not that of the work
        await call_next(context)
