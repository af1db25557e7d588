"""The largest body that is kept in memory."""

from typing import Any

from profile_contracts.fields import MAX_BODY_BYTES
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


class BodyLimit:
    """Drops the body of a message that is larger than 64 KiB, before the message waits for anything.

    As many as the prefetch allows may wait at a time, each with a body of up to 128 MiB. `CheckEnvelope`
    refuses it in order, so that its sender gets an answer.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Drop a body that is too large; go on."""
        if len(context.message.body) > MAX_BODY_BYTES:
            context.is_too_large = True
            message: Any = context.message
            message.body = b""
        await call_next(context)
