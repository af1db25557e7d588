"""Events as CloudEvents, on their way to the broker."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import uuid4

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError

from profile_contracts.events import COMMAND_FAILED, EVENTS, KEYS_ROTATED
from profile_contracts.events import Event as CloudEvent
from profile_contracts.replies import ErrorBody
from service.app.clock import Clock
from service.domain.events import Event
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.publishing import BrokerChoked
from service.pkg.message_fields import readable_text
from service.pkg.trace_context import current_trace

_DATA: Final = {each.name: each.data for each in EVENTS}
# How long the broker has to take an event that may be lost.
_KEYS_SECONDS: Final = 10.0


async def publish_rotated_keys(
    publisher: RabbitPublisher, clock: Clock, before: Sequence[str], kids: Sequence[str]
) -> None:
    """Tell which signing keys there are now. Keys are files, so no outbox holds this event.

    Every worker does, with the same id; it is another one where the keys are again what they once were, as
    after a new key that is retired. Whoever misses it learns of a new key from the first token with an
    unknown `kid`.
    """
    change = f"{' '.join(sorted(before))}\n{' '.join(sorted(kids))}"
    name = blake2b(change.encode(), digest_size=16).hexdigest()
    event = CloudEvent[Any](
        id=f"{KEYS_ROTATED.name}/{name}",
        type=KEYS_ROTATED.name,
        subject="keys",
        time=clock.now(),
        data=KEYS_ROTATED.data.model_validate({"kids": kids}),
    )
    # Nobody need consume it; and whoever waits here is to look at the keys again.
    with suppress(DeliveryError, BrokerChoked, TimeoutError):
        async with asyncio.timeout(_KEYS_SECONDS):
            await publisher.publish_event(_message(event), KEYS_ROTATED.name, needed=False)


def command_failed_message(
    message: AbstractIncomingMessage,
    queue: str,
    message_id: str | None,
    error: ErrorBody,
    *,
    now: datetime,
    key: bytes,
) -> Message:
    """Return the event that the command *message* has failed with *error*: the same id if it comes again.

    The id is a digest by a secret *key*: there may be a password in the body, and from a plain digest whoever
    receives the event could guess it.
    """
    said = f"{queue}\n{message_id}\n{error.reason}\n".encode(errors="surrogateescape") + message.body
    name = blake2b(said, key=key, digest_size=16).hexdigest() if message_id else uuid4().hex
    data = {
        "queue": queue,
        "message_id": readable_text(message_id),
        "correlation_id": readable_text(message.correlation_id),
        "code": error.code,
        "reason": error.reason,
    }
    return _message(
        CloudEvent[Any](
            id=f"{COMMAND_FAILED.name}/{name}",
            type=COMMAND_FAILED.name,
            subject=queue,
            time=now,
            data=COMMAND_FAILED.data.model_validate(data),
        ),
        current_trace(),
    )


def to_message(event: Event) -> Message:
    """Return *event* as the message that others will get."""
    return _message(
        CloudEvent[Any](
            id=event.id,
            type=event.type.value,
            subject=str(event.subject),
            time=event.time,
            data=_DATA[event.type.value].model_validate(event.data),
        ),
        event.trace,
    )


def _message(event: CloudEvent[Any], trace: Mapping[str, str] | None = None) -> Message:
    return Message(
        event.model_dump_json().encode(),
        headers=dict(trace or {}),
        content_type="application/cloudevents+json",
        message_id=event.id,
        type=event.type,
        app_id="profile-service",
        timestamp=event.time,
        delivery_mode=DeliveryMode.PERSISTENT,
    )
