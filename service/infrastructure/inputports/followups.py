"""What the service does about its own events."""

import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from profile_contracts.events import Event, PostEvent, ProfileEvent
from service.app.clock import Clock
from service.app.commands.follow_owner import FollowOwner, FollowOwnerHandler
from service.infrastructure.inputports.decoding import MalformedJson, MalformedRequest
from service.infrastructure.inputports.errors import error_body
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.outage import Outage
from service.infrastructure.inputports.outgoing import Publisher, failure_headers
from service.infrastructure.inputports.retries import attempts, delay_before_retry, tried_again
from service.infrastructure.inputports.suspects import TooManyDeliveries, refuse_killers

_ANY_EVENT: Final = Event[dict[str, Any]]

_log = structlog.get_logger("profile.followups")


@dataclass(frozen=True, slots=True)
class Followups:
    """Lets the posts of a user follow what happens to the profile.

    Attributes:
        queue: Where the events come from.

    """

    queue: str
    handler: FollowOwnerHandler
    publisher: Publisher
    clock: Clock
    outage: Outage
    in_hand: InHand

    async def serve(self, message: AbstractIncomingMessage) -> None:
        """Do what the event in *message* asks for, or see to it that it is done later; acknowledge it."""
        started = time.perf_counter()
        error = await self._failure(message)
        self.outage.note(error)
        if error:
            await self._put_off(message, error)
        await self.in_hand.may_ack()
        await message.ack()
        _log.info(
            "followup",
            event_id=message.message_id,
            error_type=type(error).__name__ if error else None,
            ms=round((time.perf_counter() - started) * 1000, 2),
        )

    async def _failure(self, message: AbstractIncomingMessage) -> Exception | None:
        try:
            refuse_killers(message)
            if owner := _owner(message):
                await self.handler.handle(FollowOwner(owner))
        except Exception as error:  # noqa: BLE001 - whatever happens, the event is kept
            return error
        return None

    async def _put_off(self, message: AbstractIncomingMessage, error: Exception) -> None:
        now, tried = self.clock.now(), attempts(message) + 1
        headers = failure_headers(error_body(error), type(error).__name__, self.queue, now, tried)
        poison = isinstance(error, MalformedJson | MalformedRequest | TooManyDeliveries)
        if not poison and (delay := delay_before_retry(message, error)):
            await self.publisher.retry_later(tried_again(message, headers), self.queue, delay)
        else:  # an event holds nothing personal, so it is kept as it is
            letter = Message(
                message.body,
                headers={**message.headers, **headers, "x-replayable": True},
                message_id=message.message_id,
                content_type=message.content_type,
                delivery_mode=DeliveryMode.PERSISTENT,
            )
            await self.publisher.set_aside(letter, f"{self.queue}.dlq")


def _owner(message: AbstractIncomingMessage) -> UUID | None:
    """Return the user whose posts may have to follow, or `None` if the event in *message* moves none."""
    try:
        event = _ANY_EVENT.model_validate_json(message.body)
    except ValidationError:
        raise MalformedJson from None
    try:
        if event.type.startswith("post."):
            return PostEvent.model_validate(event.data).user_id
        profile = ProfileEvent.model_validate(event.data)
    except ValidationError:
        raise MalformedRequest from None
    return profile.id if "status" in profile.changed else None
