"""What the input port sends: replies, retries and dead letters."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.fields import Request
from profile_contracts.operations import NON_PERSONAL_FIELDS
from profile_contracts.replies import ErrorBody
from service.infrastructure.inputports.amqp.sender_signature import History
from service.infrastructure.rabbitmq import headers
from service.pkg.message_fields import short_text, text_header, trace_header

# The headers of a caller that a request needs when it is tried again, and how long they may be. No others
# go with it: the broker would obey `CC` and `BCC` once more.
_COPIED_HEADERS: Final = {"authorization": headers.MAX_AUTHORIZATION, "x-client-ip": headers.MAX_ADDRESS}

OURS: Final[dict[str, Any]] = {"content_type": "application/json", "app_id": "profile-service"}


class Publisher(Protocol):
    """Writes what the input port has to say."""

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> bool:
        """Send a reply and, if *confirmed*, wait until the broker has it; give up after some *seconds*.

        A caller may be gone. Return whether it was not given up.
        """

    async def dead_letter(self, message: Message, queue: str) -> None:
        """Put a dead letter into *queue*; return only when the broker has it."""

    async def schedule_retry(self, message: Message, queue: str, delay: str) -> None:
        """Let a message wait in *delay* and then come to *queue*; return only when the broker has it."""

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:
        """Publish *event*; return only when the broker has it. If it is *needed*, a queue must take it."""


def reply_message(request: AbstractIncomingMessage, operation: str, body: bytes) -> Message:
    """Return the reply to *request*. A missing correlation id is stood in for by its message id."""
    return Message(
        body,
        type=f"{operation}.reply",
        correlation_id=short_text(request.correlation_id or request.message_id),
        **OURS,
    )


def dead_letter_message(
    request: AbstractIncomingMessage,
    message_id: str | None,
    decoded: Request | None,
    notes: Mapping[str, str | int],
) -> Message:
    """Return what is kept of *request*, which went by *message_id*: nothing secret, nothing personal.

    Operators can send it back only if that is all that was asked.
    """
    whole = decoded is not None and decoded.model_fields_set <= NON_PERSONAL_FIELDS
    kept = decoded.model_dump(mode="json", include=set(NON_PERSONAL_FIELDS)) if decoded else {}
    return Message(
        json.dumps(kept).encode(),
        headers={**notes, **trace_header(request.headers), headers.REPLAYABLE: whole},
        message_id=short_text(message_id),
        correlation_id=short_text(request.correlation_id),
        delivery_mode=DeliveryMode.PERSISTENT,
        **OURS,
    )


def failure_headers(
    error: ErrorBody, cause: Exception, queue: str, now: datetime, attempts: int
) -> dict[str, str | int]:
    """Return the headers that tell operators why a message is in a dead-letter queue."""
    return {
        headers.ERROR_CODE: error.code.value,
        headers.ERROR_REASON: error.reason,
        headers.ERROR_TYPE: type(cause).__name__,
        headers.FAILED_AT: now.isoformat(timespec="milliseconds"),
        headers.ORIGINAL_QUEUE: queue,
        headers.ATTEMPTS: attempts,
    }


def replay_header(history: History) -> dict[str, str | int]:
    """Return the header that tells how often operators have sent a message back, if they have."""
    return {headers.REPLAY_COUNT: history.replays} if history.replays else {}


def retry_message(
    message: AbstractIncomingMessage, message_id: str | None, more: Mapping[str, str | int]
) -> Message:
    """Return *message* as it will be tried again under *message_id*, with *more* headers of ours."""
    kept: dict[str, Any] = trace_header(message.headers)
    for name, longest in _COPIED_HEADERS.items():
        kept |= text_header(message.headers, name, longest)
    return Message(
        message.body,
        content_type=short_text(message.content_type),
        correlation_id=short_text(message.correlation_id),
        message_id=short_text(message_id),
        headers={**kept, **more},
        delivery_mode=DeliveryMode.PERSISTENT,
    )
