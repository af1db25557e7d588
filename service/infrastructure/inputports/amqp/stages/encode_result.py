"""From a result to bytes."""

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


class EncodeResult:
    """Writes what the handler has returned as the body of a reply: `{"ok": true, "result": {...}}`.

    That happens on the way in, so that a result that cannot be written is a failure like any other.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Let it be handled; write the result."""
        await call_next(context)
        context.body = b'{"ok":true,"result":%b}' % context.result.model_dump_json().encode()
