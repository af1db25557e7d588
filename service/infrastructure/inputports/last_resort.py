"""The last resort: whatever fails on the way out, no message stays in our hands unacknowledged.

The broker would not give it to anybody else, and each one takes a place of the prefetch for good.
"""

import asyncio
import traceback
from dataclasses import dataclass
from typing import Final

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from profile_contracts.replies import Failure
from service.app.clock import Clock
from service.infrastructure.inputports.errors import INTERNAL
from service.infrastructure.inputports.outgoing import OURS, Publisher, failure_headers
from service.pkg.message_fields import short_text

# What is given back comes again at once.
_PAUSE_SECONDS: Final = 1.0
_TO_REPLY_SECONDS: Final = 1.0
_BODY: Final = Failure(error=INTERNAL).model_dump_json(exclude_none=True).encode()
# The broker takes the message back by itself when its channel is gone.
_LOST: Final = (AMQPError, ChannelInvalidStateError, ConnectionError)

_log = structlog.get_logger("profile.requests")


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Acknowledge *message*, unless its channel is gone: then the broker gives it to somebody else."""
    try:
        await message.ack()
    except _LOST as error:
        _log.warning("acknowledgement lost", error_type=type(error).__name__)


@dataclass(frozen=True, slots=True)
class LastResort:
    """Ends what could not be ended as it should be, with as little of the message as can be."""

    publisher: Publisher
    clock: Clock

    async def rescue(
        self, message: AbstractIncomingMessage, queue: str, error: Exception, *, reply_to: str | None
    ) -> None:
        """End the handling of *message* from *queue*, which has failed with *error*.

        Somebody who still waits at *reply_to* hears that we failed, and operators find a letter. If
        not even that can be done, the broker gets the message back.
        """
        try:
            await self._end(message, queue, error, reply_to)
        except Exception as worse:  # noqa: BLE001 - nothing comes after this
            await _give_back(message, queue, worse)

    async def _end(
        self, message: AbstractIncomingMessage, queue: str, error: Exception, reply_to: str | None
    ) -> None:
        # The text of an error may quote what was sent, so only where and what kind.
        _log.error("handling failed", queue=queue, error_type=type(error).__name__, frames=_frames(error))
        if message.processed:
            return
        if reply_to:
            await self._reply(message, queue, reply_to)
        await self.publisher.dead_letter(self._letter(message, queue, error), f"{queue}.dlq")
        await acknowledge(message)

    async def _reply(self, message: AbstractIncomingMessage, queue: str, reply_to: str) -> None:
        correlation_id = short_text(message.correlation_id or message.message_id)
        reply = Message(_BODY, type=f"{queue}.reply", correlation_id=correlation_id, **OURS)
        await self.publisher.reply(reply, reply_to, confirmed=True, seconds=_TO_REPLY_SECONDS)

    def _letter(self, message: AbstractIncomingMessage, queue: str, error: Exception) -> Message:
        headers = failure_headers(INTERNAL, type(error).__name__, queue, self.clock.now(), 1)
        return Message(
            b"{}",
            message_id=short_text(message.message_id),
            correlation_id=short_text(message.correlation_id),
            headers={**headers, "x-replayable": False},
            delivery_mode=DeliveryMode.PERSISTENT,
            **OURS,
        )


async def _give_back(message: AbstractIncomingMessage, queue: str, error: Exception) -> None:
    """Let the broker have *message* again. It counts, and after a few times it is not tried any more."""
    try:
        _log.error("given back", queue=queue, error_type=type(error).__name__)
        await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        if not message.processed:
            # What no queue counts, and has come twice, would come for ever.
            requeue = not message.redelivered or "x-delivery-count" in message.headers
            await message.reject(requeue=requeue)


def _frames(error: Exception) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
