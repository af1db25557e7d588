"""FastStream subscribers, one for each operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel

from contracts.fields import Request
from contracts.operations import Operation
from service.infrastructure.inputports.endpoint import Edge, Endpoint, Translator

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the requests of one operation come from.

    Attributes:
        channel: One of its own for each operation, so that the failure of one stays there.

    """

    queue: RabbitQueue
    exchange: RabbitExchange
    channel: Channel


@dataclass(frozen=True, slots=True)
class Requests:
    """Subscribes functions to the queues of operations."""

    broker: RabbitBroker
    edge: Edge
    source: Callable[[Operation[Any, Any]], Source]

    def on(
        self, operation: Operation[Asked, Any]
    ) -> Callable[[Translator[Asked, Answered]], Translator[Asked, Answered]]:
        """Let the decorated function answer the requests of *operation*."""

        def subscribe(translate: Translator[Asked, Answered]) -> Translator[Asked, Answered]:
            source = self.source(operation)
            endpoint = Endpoint(operation, translate, self.edge)
            # FastStream answers nothing when decoding fails, and writes to any reply_to: so it
            # hands the message over as it is, and the endpoint decodes, replies and acknowledges.
            subscriber = self.broker.subscriber(
                source.queue,
                source.exchange,
                channel=source.channel,
                ack_policy=AckPolicy.MANUAL,
                no_reply=True,
                decoder=_as_it_is,
                title=operation.queue,
                description=operation.summary,
            )
            subscriber(endpoint.serve)
            return translate

        return subscribe


async def _as_it_is(message: Any) -> AbstractIncomingMessage:  # noqa: ANN401 - FastStream's own type is generic
    raw: AbstractIncomingMessage = message.raw_message
    return raw
