"""From bytes to one of the service's own events."""

from typing import Any, Final

from pydantic import ValidationError

from profile_contracts.events import Event, PostEvent, ProfileEvent
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.decoding import MalformedJson, MalformedRequest

ANY_EVENT: Final = Event[dict[str, Any]]


class DecodeEvent:
    """Reads the body as a CloudEvent (CloudEvents 1.0, JSON Event Format) about a profile or a post.

    Whoever may write to our queues may write anything into them: what is none of our events is a dead letter.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Raise a `Malformed`, or go on with the data of the event."""
        try:
            event = ANY_EVENT.model_validate_json(context.message.body)
        except ValidationError:
            raise MalformedJson from None
        try:
            context.request = data_of(event)
        except ValidationError:
            raise MalformedRequest from None
        await call_next(context)


def data_of(event: Event[dict[str, Any]]) -> ProfileEvent | PostEvent:
    """Return what *event* is about, or raise a `ValidationError`."""
    return (PostEvent if event.type.startswith("post.") else ProfileEvent).model_validate(event.data)
