"""Where the reply goes."""

from dataclasses import dataclass

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy, ReplyToRefused


@dataclass(frozen=True, slots=True)
class ResolveReplyTo:
    """Finds out who waits for a reply, and refuses to write into a queue that is not the caller's.

    Reads the properties `reply_to` and `user_id`; RabbitMQ has validated the second (RabbitMQ documentation,
    "Validated User-ID"). Answers nothing: a refused address is never written to, not even to say so.
    """

    policy: ReplyToPolicy

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Note where a reply may be sent, or raise `ReplyToRefused`."""
        if wanted := context.message.reply_to:
            if not self.policy.allow(wanted, context.message.user_id):
                raise ReplyToRefused
            context.reply_to = wanted
        await call_next(context)
