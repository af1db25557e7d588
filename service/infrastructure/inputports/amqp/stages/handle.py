"""The use case."""

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


class Handle:
    """Calls the handler of the queue, which is one of `handlers/`, with the request and who asks."""

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Note what the handler returns."""
        context.result = await context.route.handle(context.request, context.caller)
        await call_next(context)
