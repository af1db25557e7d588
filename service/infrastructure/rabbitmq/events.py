"""Events as CloudEvents, on their way to the broker."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import DeliveryError

from profile_contracts.events import EVENTS, KEYS_ROTATED
from profile_contracts.events import Event as CloudEvent
from service.app.clock import Clock
from service.domain.events import Event, EventType
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.publishing import BrokerChoked

_DATA: Final = {each.name: each.data for each in EVENTS}


class KeyEvents:
    """Tells that the signing keys have changed. Keys are files, so no outbox holds this event.

    Whoever misses it learns of a new key from the first token with an unknown `kid`.
    """

    def __init__(self, publisher: RabbitPublisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock

    async def keys_rotated(self, kids: Sequence[str]) -> None:
        """Tell which keys there are now. Every worker does, with the same id."""
        name = blake2b(" ".join(sorted(kids)).encode(), digest_size=16).hexdigest()
        event = CloudEvent[Any](
            id=f"{KEYS_ROTATED.name}/{name}",
            type=KEYS_ROTATED.name,
            subject="keys",
            time=self._clock.now(),
            data=KEYS_ROTATED.data.model_validate({"kids": kids}),
        )
        with suppress(DeliveryError, BrokerChoked):  # nobody need consume it
            await self._publisher.publish_event(_message(event), KEYS_ROTATED.name, needed=False)


def to_message(event: Event) -> Message:
    """Return *event* as the message that others will get."""
    return _message(
        CloudEvent[Any](
            id=event.id,
            type=event.type.value,
            subject=str(event.subject),
            time=event.time,
            data=_data(event.type, event.data),
        )
    )


def _data(kind: EventType, data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the data of any event
    return _DATA[kind.value].model_validate(data)


def _message(event: CloudEvent[Any]) -> Message:
    return Message(
        event.model_dump_json().encode(),
        content_type="application/cloudevents+json",
        message_id=event.id,
        type=event.type,
        app_id="profile-service",
        timestamp=event.time,
        delivery_mode=DeliveryMode.PERSISTENT,
    )
