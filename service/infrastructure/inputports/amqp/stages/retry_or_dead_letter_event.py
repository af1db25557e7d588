"""What is done about an event of our own that could not be handled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.events import Event, PostEvent, ProfileEvent
from profile_contracts.replies import ErrorBody
from service.app.clock import Clock
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.decoding import Malformed, decode_event
from service.infrastructure.inputports.amqp.outgoing import (
    OURS,
    Publisher,
    failure_headers,
    replay_header,
)
from service.infrastructure.inputports.amqp.retries import TooManyDeliveries, delay_before_retry
from service.infrastructure.inputports.amqp.sender_signature import sign_sender, verified_history
from service.infrastructure.rabbitmq.headers import REPLAYABLE
from service.pkg.key_source import KeySource
from service.pkg.message_fields import short_text, trace_header

# What the ids and types of our events, and the names of our fields, look like.
_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")


@dataclass(frozen=True, slots=True)
class RetryOrDeadLetterEvent:
    """Lets an event wait in a retry queue, or leaves a dead letter: no event is lost, for nobody repeats it.

    Only its ids go on. Whoever may write to our queues may write anything into them.

    Attributes:
        keys: The secrets by which workers sign for how often a message was tried.

    """

    publisher: Publisher
    clock: Clock
    keys: KeySource

    async def __call__(self, context: MessageContext) -> None:
        """See to it that a failure is not the end of the event."""
        if context.error and context.cause:
            await self._retry_or_dead_letter(context, context.error, context.cause)

    async def _retry_or_dead_letter(
        self, context: MessageContext, error: ErrorBody, cause: Exception
    ) -> None:
        message, route, body = context.message, context.route, _ids_of(context.message)
        before = verified_history(message, self.keys())
        history = before.tried()
        headers = failure_headers(error, cause, route.queue, self.clock.now(), history.attempts)
        is_poison = isinstance(cause, TooManyDeliveries)
        if body and not is_poison and (delay := delay_before_retry(before.attempts, cause)):
            signature = sign_sender(history, message.message_id, body, self.keys())
            await self.publisher.schedule_retry(
                _copy(message, body, {**headers, **signature}), route.queue, delay
            )
        else:
            notes = {**headers, **replay_header(history), REPLAYABLE: body is not None}
            await self.publisher.dead_letter(_copy(message, body or b"{}", notes), route.dead_letters)


def _copy(message: AbstractIncomingMessage, body: bytes, headers: Mapping[str, str | int]) -> Message:
    return Message(
        body,
        headers={**trace_header(message.headers), **headers},
        message_id=short_text(message.message_id),
        delivery_mode=DeliveryMode.PERSISTENT,
        **OURS,
    )


def _ids_of(message: AbstractIncomingMessage) -> bytes | None:
    """Return the event in *message* with its ids and nothing else, or `None` if it is no event of ours."""
    try:
        event, data = decode_event(message.body)
    except Malformed:
        return None
    if not (_NAME.fullmatch(event.id) and _NAME.fullmatch(event.type)):
        return None
    data = data.model_copy(update={"changed": tuple(filter(_NAME.fullmatch, data.changed))})
    ids: dict[str, Any] = {"id": event.id, "type": event.type, "subject": str(data.id), "time": event.time}
    return Event[ProfileEvent | PostEvent](**ids, data=data).model_dump_json().encode()
