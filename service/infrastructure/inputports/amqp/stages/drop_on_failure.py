"""Messages that hold nothing that anybody needs."""

from dataclasses import dataclass

import structlog

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.in_flight import InFlight

_log = structlog.get_logger("profile.requests")


@dataclass(frozen=True, slots=True)
class DropOnFailure:
    """Drops a message whose handling has failed. `LastResort` would keep it as a dead letter."""

    in_flight: InFlight

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on, and acknowledge the message if that fails."""
        try:
            await call_next(context)
        except Exception as error:  # noqa: BLE001 - what is not acknowledged holds its place for ever
            _log.error("handling failed", queue=context.route.queue, error_type=type(error).__name__)
            if not context.message.processed:
                await self.in_flight.acknowledge(context.message)
