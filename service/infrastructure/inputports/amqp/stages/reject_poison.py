"""Messages that nobody survives."""

from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext

# A message over which so many workers have died, or lost their connection, is not given to another one.
MAX_DELIVERIES: Final = 10


class TooManyDeliveries(Exception):
    """Workers have died or lost their connection over this message time and again."""


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


def delivery_count(message: AbstractIncomingMessage) -> int:
    """Return how often the broker has delivered *message* before. Callers may write the header, too."""
    count = message.headers.get("x-delivery-count") if message.redelivered else 0
    return count if isinstance(count, int) else 0
