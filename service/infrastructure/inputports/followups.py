"""What the service does about its own events."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from profile_contracts.events import Event, PostEvent, ProfileEvent
from service.app.clock import Clock
from service.app.commands.cascade_profile_status import CascadeProfileStatus, CascadeProfileStatusHandler
from service.infrastructure.inputports.decoding import MalformedJson, MalformedRequest
from service.infrastructure.inputports.errors import error_body
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.last_resort import LastResort, acknowledge
from service.infrastructure.inputports.outage import Outage
from service.infrastructure.inputports.outgoing import OURS, Publisher, failure_headers
from service.infrastructure.inputports.retries import delay_before_retry
from service.infrastructure.inputports.suspects import TooManyDeliveries, refuse_killers
from service.infrastructure.inputports.vouching import REPLAYS, journey_of, vouch
from service.pkg.message_fields import short_text, trace_header

_ANY_EVENT: Final = Event[dict[str, Any]]
# What the ids and types of our events, and the names of our fields, look like.
_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")

_log = structlog.get_logger("profile.followups")


@dataclass(frozen=True, slots=True)
class Followups:
    """Lets the posts of a user follow what happens to the profile.

    Attributes:
        queue: Where the events come from.
        key: The secret by which workers vouch for what they send on.

    """

    queue: str
    handler: CascadeProfileStatusHandler
    publisher: Publisher
    clock: Clock
    outage: Outage
    in_hand: InHand
    key: bytes = field(repr=False)

    async def serve(self, message: AbstractIncomingMessage) -> None:
        """Do what the event in *message* asks for, or see to it that it is done later; acknowledge it."""
        try:
            await self._serve(message)
        except Exception as error:  # noqa: BLE001 - what is not acknowledged holds its place for ever
            last_resort = LastResort(self.publisher, self.clock)
            await last_resort.rescue(message, self.queue, error, reply_to=None)

    async def _serve(self, message: AbstractIncomingMessage) -> None:
        started = time.perf_counter()
        error = await self._failure(message)
        self.outage.note(error)
        if error:
            await self._put_off(message, error)
        await self.in_hand.may_ack()
        await acknowledge(message)
        _log.info(
            "followup",
            event_id=short_text(message.message_id),
            error_type=type(error).__name__ if error else None,
            ms=round((time.perf_counter() - started) * 1000, 2),
        )

    async def _failure(self, message: AbstractIncomingMessage) -> Exception | None:
        try:
            refuse_killers(message)
            if owner := _owner(message):
                await self.handler.handle(CascadeProfileStatus(owner))
        except Exception as error:  # noqa: BLE001 - whatever happens, the event is kept
            return error
        return None

    async def _put_off(self, message: AbstractIncomingMessage, error: Exception) -> None:
        so_far = journey_of(message, self.key)
        journey = replace(so_far, attempts=so_far.attempts + 1)
        now, kind = self.clock.now(), type(error).__name__
        headers = failure_headers(error_body(error), kind, self.queue, now, journey.attempts)
        poison = isinstance(error, MalformedJson | MalformedRequest | TooManyDeliveries)
        body = _ids_of(message)
        if body and not poison and (delay := delay_before_retry(so_far.attempts, error)):
            word = vouch(journey, message.message_id, body, self.key)
            await self.publisher.schedule_retry(_copy(message, body, {**headers, **word}), self.queue, delay)
        else:
            replays = {REPLAYS: journey.replays} if journey.replays else {}
            notes = {**headers, **replays, "x-replayable": body is not None}
            await self.publisher.dead_letter(_copy(message, body or b"{}", notes), f"{self.queue}.dlq")


def _copy(message: AbstractIncomingMessage, body: bytes, headers: Mapping[str, str | int]) -> Message:
    return Message(
        body,
        headers={**trace_header(message.headers), **headers},
        message_id=short_text(message.message_id),
        delivery_mode=DeliveryMode.PERSISTENT,
        **OURS,
    )


def _ids_of(message: AbstractIncomingMessage) -> bytes | None:
    """Return the event in *message* with its ids and nothing else, or `None` if it is no event of ours.

    Whoever may write to our queues may write anything into them.
    """
    try:
        event = _ANY_EVENT.model_validate_json(message.body)
        data = _data_of(event)
    except ValidationError:
        return None
    if not (_NAME.fullmatch(event.id) and _NAME.fullmatch(event.type)):
        return None
    data = data.model_copy(update={"changed": tuple(filter(_NAME.fullmatch, data.changed))})
    ids: dict[str, Any] = {"id": event.id, "type": event.type, "subject": str(data.id), "time": event.time}
    return Event[ProfileEvent | PostEvent](**ids, data=data).model_dump_json().encode()


def _data_of(event: Event[dict[str, Any]]) -> ProfileEvent | PostEvent:
    return (PostEvent if event.type.startswith("post.") else ProfileEvent).model_validate(event.data)


def _owner(message: AbstractIncomingMessage) -> UUID | None:
    """Return the user whose posts may have to follow, or `None` if the event in *message* moves none."""
    try:
        event = _ANY_EVENT.model_validate_json(message.body)
    except ValidationError:
        raise MalformedJson from None
    try:
        data = _data_of(event)
    except ValidationError:
        raise MalformedRequest from None
    if isinstance(data, PostEvent):
        return data.user_id
    return data.id if "status" in data.changed else None
