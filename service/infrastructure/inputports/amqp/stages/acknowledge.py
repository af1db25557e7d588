"""The end of a message: the broker forgets it."""

from dataclasses import dataclass
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.in_flight import InFlight

# The broker takes the message back by itself when its channel is gone.
_LOST: Final = (AMQPError, ChannelInvalidStateError, ConnectionError)

_log = structlog.get_logger("profile.requests")


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Acknowledges the message, once nobody else has to know of it.

    While a worker begins to end, that waits: what a quorum queue sends to a consumer that is being
    cancelled counts as delivered (rabbitmq-server, pull request 3746), and an acknowledgement makes it send.
    """

    in_flight: InFlight

    async def __call__(self, context: MessageContext) -> None:
        """Acknowledge the message."""
        await self.in_flight.wait_ack_gate()
        await acknowledge(context.message)


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Acknowledge *message*, unless its channel is gone: then the broker gives it to somebody else."""
    try:
        await message.ack()
    except _LOST as error:
        _log.warning("acknowledgement lost", error_type=type(error).__name__)
