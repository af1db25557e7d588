"""The `message_id` of a command that came without one."""

from uuid import uuid4

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


class AssignMessageId:
    """Gives a fire-and-forget command a name, if its sender has given it none.

    Reads the properties `message_id` and `reply_to`. The command is retried under this name, so it has its
    effect once, though its first try may have been the one that did it (Idempotent Receiver, Enterprise
    Integration Patterns). Whoever waits for a reply is told instead, and nothing is retried.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Give it a name; go on."""
        if not context.message_id and not context.message.reply_to:
            context.message_id = uuid4().hex
        await call_next(context)
