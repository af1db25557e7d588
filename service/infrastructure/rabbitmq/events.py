"""Events as CloudEvents, on their way to the broker."""

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
from service.domain.events import Event, EventType
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.publishing import BrokerChoked
from service.pkg.message_fields import short_text
from service.pkg.trace_context import current_trace

_DATA: Final = {each.name: each.data for each in EVENTS}


class KeyEvents:
    """Tells that the signing keys have changed. Keys are files, so no outbox holds this event.

    Whoever misses it learns of a new key from the first token with an unknown `kid`.
    """

    def __init__(self, publisher: RabbitPublisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock

    async def keys_rotated(self, before: Sequence[str], kids: Sequence[str]) -> None:
        """Tell which keys there are now.

        Every worker does, with the same id; it is another one where the keys are again what they once were,
        as after a new key that is retired.
        """
        change = f"{' '.join(sorted(before))}\n{' '.join(sorted(kids))}"
        name = blake2b(change.encode(), digest_size=16).hexdigest()
        event = CloudEvent[Any](
            id=f"{KEYS_ROTATED.name}/{name}",
            type=KEYS_ROTATED.name,
            subject="keys",
            time=self._clock.now(),
            data=KEYS_ROTATED.data.model_validate({"kids": kids}),
        )
        with suppress(DeliveryError, BrokerChoked):  # nobody need consume it
            await self._publisher.publish_event(_message(event), KEYS_ROTATED.name, needed=False)


def command_failed_message(
    message: AbstractIncomingMessage,
    queue: str,
    message_id: str | None,
    error: ErrorBody,
    now: datetime,
) -> Message:
    """Return the event that the command *message* has failed with *error*: the same id if it comes again."""
    said = f"{queue}\n{message_id}\n{error.reason}\n".encode(errors="surrogateescape") + message.body
    name = blake2b(said, digest_size=16).hexdigest() if message_id else uuid4().hex
    data = {
        "queue": queue,
        "message_id": _text(message_id),
        "correlation_id": _text(message.correlation_id),
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


def _text(name: str | None) -> str | None:
    """Return *name* if JSON can hold it: bytes that were no UTF-8 are lone surrogates here."""
    short = short_text(name)
    return None if short is None else short.encode(errors="surrogateescape").decode(errors="replace")


def to_message(event: Event) -> Message:
    """Return *event* as the message that others will get."""
    return _message(
        CloudEvent[Any](
            id=event.id,
            type=event.type.value,
            subject=str(event.subject),
            time=event.time,
            data=_data(event.type, event.data),
        ),
        event.trace,
    )


def _data(kind: EventType, data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the data of any event
    return _DATA[kind.value].model_validate(data)


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
