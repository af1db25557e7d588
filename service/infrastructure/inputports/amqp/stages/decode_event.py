"""From bytes to one of the service's own events."""

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.decoding import decode_event


class DecodeEvent:
    """Reads the body as a CloudEvent (CloudEvents 1.0, JSON Event Format) about a profile or a post.

    Whoever may write to our queues may write anything into them: what is none of our events is a dead letter.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Raise a `Malformed`, or go on with the data of the event."""
        _, context.request = decode_event(context.message.body)
        await call_next(context)
