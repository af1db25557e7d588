"""The end of a message: the broker forgets it."""

from dataclasses import dataclass

from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.in_flight import InFlight


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Acknowledges the message, once nobody else has to know of it (RabbitMQ: consumer acknowledgements)."""

    in_flight: InFlight

    async def __call__(self, context: MessageContext) -> None:
        """Acknowledge the message."""
        await self.in_flight.acknowledge(context.message)
