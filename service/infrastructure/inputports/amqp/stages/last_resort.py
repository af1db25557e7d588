"""The last resort: whatever fails on the way out, no message stays with us unacknowledged.

The broker would not give it to anybody else, and each one takes a place of the prefetch for good.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from profile_contracts.replies import Failure
from service.app.clock import Clock
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.errors import INTERNAL
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.outgoing import (
    Publisher,
    dead_letter_message,
    failure_headers,
    reply_message,
)
from service.pkg.logger import what_and_where

# What is given back comes again at once.
_PAUSE_SECONDS: Final = 1.0
_TO_REPLY_SECONDS: Final = 1.0
_BODY: Final = Failure(error=INTERNAL).model_dump_json(exclude_none=True).encode()

_log = structlog.get_logger("profile.requests")


@dataclass(frozen=True, slots=True)
class LastResort:
    """Ends what could not be ended as it should be, with as little of the message as can be.

    Somebody who still waits receives `internal`, and operators find a dead letter. If not even that can be
    done, the broker gets the message back, and counts it (header `x-delivery-count`; RabbitMQ documentation,
    "Negative Acknowledgements" and "Poison Message Handling").
    """

    publisher: Publisher
    clock: Clock
    in_flight: InFlight

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on, and rescue the message if that fails."""
        try:
            await call_next(context)
        except Exception as error:  # noqa: BLE001 - what is not acknowledged holds its place for ever
            await self._rescue(context, error)

    async def _rescue(self, context: MessageContext, error: Exception) -> None:
        try:
            await self._end(context, error)
        except Exception as worse:  # noqa: BLE001 - nothing comes after this
            await self._give_back(context, worse)

    async def _end(self, context: MessageContext, error: Exception) -> None:
        # The text of an error may quote what was sent, so only where and what kind.
        _log.error("handling failed", queue=context.route.queue, **what_and_where(error))
        if context.message.processed:
            return
        if context.reply_to and not context.replied:
            await self._reply(context, context.reply_to)
        headers = failure_headers(INTERNAL, error, context.route.queue, self.clock.now(), 1)
        letter = dead_letter_message(context.message, context.message_id, None, headers)
        await self.publisher.dead_letter(letter, context.route.dead_letters)
        await self.in_flight.acknowledge(context.message)

    async def _reply(self, context: MessageContext, address: str) -> None:
        reply = reply_message(context.message, context.route.queue, _BODY)
        await self.publisher.reply(reply, address, confirmed=True, seconds=_TO_REPLY_SECONDS)

    async def _give_back(self, context: MessageContext, error: Exception) -> None:
        """Let the broker have the message again. It counts: after a few times it is dead-lettered."""
        message = context.message
        try:
            _log.error("given back", queue=context.route.queue, error_type=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
            await self.in_flight.wait_ack_gate()
        finally:
            if not message.processed:
                # What no queue counts, and has come twice, would come for ever.
                requeue = not message.redelivered or "x-delivery-count" in message.headers
                await message.reject(requeue=requeue)
