"""The answer."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from profile_contracts.replies import Failure
from service.app.clock import Clock
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.deadlines import seconds_to_reply
from service.infrastructure.inputports.amqp.outgoing import Publisher, reply_message

# Beside the codes of replies: those that could not be sent.
UNANSWERED: Final = "unanswered"


@dataclass(frozen=True, slots=True)
class Reply:
    """Says what became of the request, if somebody waits: the result or the error.

    Reads the property `correlation_id`, and echoes it (Enterprise Integration Patterns, "Correlation
    Identifier"). The reply is tried for as long as its caller waits.

    Attributes:
        outcomes: Counts what could not be sent.
        confirmed: Whether to wait until the broker has it. The reply to a query is not worth a round trip:
            whoever misses it asks again.

    """

    publisher: Publisher
    clock: Clock
    outcomes: Counter[tuple[str, str]]
    confirmed: bool

    async def __call__(self, context: MessageContext) -> None:
        """Send the reply."""
        if not (address := context.reply_to):
            return
        reply = reply_message(context.message, context.route.queue, _body_of(context))
        now = self.clock.now().timestamp()
        seconds = seconds_to_reply(context.message, now, context.spent, confirmed=self.confirmed)
        if not await self.publisher.reply(reply, address, confirmed=self.confirmed, seconds=seconds):
            self.outcomes[context.route.queue, UNANSWERED] += 1
        context.replied = True


def _body_of(context: MessageContext) -> bytes:
    if context.error is None:
        return context.body
    return Failure(error=context.error).model_dump_json(exclude_none=True).encode()
