"""From bytes to a request."""

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.decoding import decode


class Decode:
    """Reads and validates the body as the request of this operation.

    Reads the body and the property `content_type`: JSON in UTF-8 (RFC 8259), under any JSON media type or
    none. Answers `invalid`, with the names of fields and never a value.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Raise a `Malformed`, or go on with the request."""
        message = context.message
        context.request = decode(context.route.request, message.body, message.content_type)
        await call_next(context)
