"""What is done about a request that failed, and of which its sender does not know."""

from dataclasses import dataclass

from profile_contracts.replies import ErrorBody
from service.app.clock import Clock
from service.domain.errors import ServiceError
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.deadlines import caller_deadline, deadline_header
from service.infrastructure.inputports.amqp.decoding import Malformed
from service.infrastructure.inputports.amqp.outgoing import (
    Publisher,
    dead_letter_message,
    failure_headers,
    replay_header,
    retry_message,
)
from service.infrastructure.inputports.amqp.retries import TooManyDeliveries, delay_before_retry, is_transient
from service.infrastructure.inputports.amqp.sender_signature import History, sign_sender, verified_history
from service.infrastructure.rabbitmq.topology import MALFORMED
from service.pkg.key_source import KeySource


@dataclass(frozen=True, slots=True)
class RetryOrDeadLetter:
    """Lets a fire-and-forget command wait in a retry queue, or leaves a dead letter.

    Retried is what may succeed later. Nothing of it goes on but its body and a few headers of known type,
    for the broker would obey `CC` and `BCC` again; signed headers say who sent it, and when it first came. A
    dead letter is left of what we failed at, of what was never done, and of what made no sense, if nobody
    could be told.

    Attributes:
        keys: The secrets by which workers sign for senders.
        arrivals: What tells when it first came, which whoever tries it again has to know.

    """

    publisher: Publisher
    clock: Clock
    keys: KeySource
    arrivals: Arrivals

    async def __call__(self, context: MessageContext) -> None:
        """See to it that a failure is not the end of the request, or that a person finds it."""
        if context.error and context.cause:
            await self._retry_or_dead_letter(context, context.error, context.cause)

    async def _retry_or_dead_letter(
        self, context: MessageContext, error: ErrorBody, cause: Exception
    ) -> None:
        message, route = context.message, context.route
        before = verified_history(message, self.keys())
        history = before.tried()
        headers = failure_headers(error, cause, route.queue, self.clock.now(), history.attempts)
        may_wait = route.is_retryable and not message.reply_to and not isinstance(cause, TooManyDeliveries)
        is_refusal = isinstance(cause, ServiceError)
        if may_wait and (delay := delay_before_retry(before.attempts, cause)):
            more = {**headers, **self._signature(context, history)}
            retry = retry_message(message, context.message_id, more)
            await self.publisher.schedule_retry(retry, route.queue, delay)
            context.will_be_retried = True
        elif isinstance(cause, Malformed) and not context.reply_to:
            letter = dead_letter_message(message, context.message_id, None, headers)
            await self.publisher.dead_letter(letter, MALFORMED)
        elif not is_refusal or (may_wait and is_transient(cause)):  # nobody was told that it was not done
            headers |= replay_header(history)
            letter = dead_letter_message(message, context.message_id, context.request, headers)
            await self.publisher.dead_letter(letter, route.dead_letters)

    def _signature(self, context: MessageContext, history: History) -> dict[str, str | int]:
        """Return the headers by which whoever tries it again knows what we know."""
        deadline = caller_deadline(context.message, self.clock.now().timestamp(), context.spent)
        first = history.arrived(self.arrivals.first(context.message, history))
        signature = sign_sender(first, context.message_id, context.message.body, self.keys())
        return {**signature, **deadline_header(deadline)}
