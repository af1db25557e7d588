"""Messages that nobody survives."""

from typing import Final

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.retries import TooManyDeliveries, delivery_count

# A message over which so many workers have died, or lost their connection, is not given to another one.
MAX_DELIVERIES: Final = 10


class RejectPoison:
    """Refuses a message that was delivered ten times before. It is dead-lettered, and its caller answered.

    Reads the header `x-delivery-count`, which quorum queues write (RabbitMQ documentation, "Poison Message
    Handling"). Their own limit is higher, and would drop the message without a word.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Raise `TooManyDeliveries`, or go on."""
        if delivery_count(context.message) >= MAX_DELIVERIES:
            raise TooManyDeliveries
        await call_next(context)
