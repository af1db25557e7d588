"""Events about sessions and keys, as CloudEvents."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from contracts.events import KEYS_ROTATED, SESSION_REVOKED, Event, KeysRotated, SessionRevoked
from service.app.auth.sessions import SessionEvents
from service.app.clock import Clock
from service.app.ids import new_id
from service.infrastructure.rabbitmq.publisher import RabbitPublisher

_log = structlog.get_logger("profile.events")


class RabbitEvents(SessionEvents):
    """Publishes events; one that the broker does not take is logged and lost.

    Nothing hangs on an event alone: the session is over in the database before it is told.
    """

    def __init__(self, publisher: RabbitPublisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock

    async def revoked(self, user_id: UUID, session_ids: Sequence[UUID], reason: str) -> None:
        """Say that sessions of a user have ended before their time."""
        data = SessionRevoked(user_id=user_id, session_ids=tuple(session_ids), reason=reason)
        await self._publish(SESSION_REVOKED, data)

    async def keys_rotated(self, kids: Sequence[str]) -> None:
        """Say that the public keys have changed."""
        await self._publish(KEYS_ROTATED, KeysRotated(kids=tuple(kids)))

    async def _publish(self, kind: str, data: Any) -> None:  # noqa: ANN401 - any data of an event
        now = self._clock.now()
        event = Event[Any](id=str(new_id(now)), type=kind, time=now, data=data)
        message = Message(
            event.model_dump_json().encode(),
            content_type="application/cloudevents+json",
            message_id=event.id,
            type=kind,
            app_id="profile-service",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        try:
            await self._publisher.tell(message, kind)
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            _log.error("event lost", type=kind, error_type=type(error).__name__)
