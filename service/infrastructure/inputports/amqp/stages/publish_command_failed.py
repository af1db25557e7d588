"""Whoever sends a command without waiting for its reply learns of its failure from an event."""

from contextlib import suppress
from dataclasses import dataclass

from aio_pika.exceptions import DeliveryError

from profile_contracts.events import COMMAND_FAILED
from service.app.clock import Clock
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.outgoing import Publisher
from service.infrastructure.rabbitmq.events import command_failed_message
from service.infrastructure.rabbitmq.publishing import BrokerChoked
from service.pkg.key_source import KeySource


@dataclass(frozen=True, slots=True)
class PublishCommandFailed:
    """Publishes `command.failed`, if a fire-and-forget command was refused or dead-lettered.

    One that will be tried again has not failed yet. The event names the message and the reason, and nothing
    of what was asked (Enterprise Integration Patterns, "Invalid Message Channel"; MassTransit, "Faults").

    Attributes:
        digest_keys: The secrets of its id, which is the same if the command comes again.

    """

    publisher: Publisher
    clock: Clock
    digest_keys: KeySource

    async def __call__(self, context: MessageContext) -> None:
        """Publish it; go on once the broker has it, so that a crash publishes it again."""
        if context.error and not context.message.reply_to and not context.will_be_retried:
            event = command_failed_message(
                context.message,
                context.route.queue,
                context.message_id,
                context.error,
                now=self.clock.now(),
                key=self.digest_keys()[0],
            )
            with suppress(DeliveryError, BrokerChoked):  # somebody's queue is full, which is theirs to mend
                await self.publisher.publish_event(event, COMMAND_FAILED.name, needed=False)
