"""FastStream subscribers, one for each operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel

from profile_contracts.fields import Request
from profile_contracts.operations import Operation
from service.infrastructure.inputports.endpoint import Edge, Endpoint, Translator
from service.infrastructure.inputports.in_hand import Serve

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the requests of one operation come from.

    Attributes:
        exchange: Where the queue is bound, if not by the topology alone.
        channel: One of its own for each queue, so that the failure of one stays there.

    """

    queue: RabbitQueue
    exchange: RabbitExchange | None
    channel: Channel


@dataclass(frozen=True, slots=True)
class Requests:
    """Subscribes functions to the queues of operations."""

    broker: RabbitBroker
    edge: Edge
    source: Callable[[Operation[Any, Any]], Source]

    def on(
        self, operation: Operation[RequestT, Any]
    ) -> Callable[[Translator[RequestT, ResultT]], Translator[RequestT, ResultT]]:
        """Let the decorated function answer the requests of *operation*."""

        def answer(translate: Translator[RequestT, ResultT]) -> Translator[RequestT, ResultT]:
            endpoint = Endpoint(operation, translate, self.edge)
            source = self.source(operation)
            serve = self.edge.in_hand.counting(endpoint.serve, source.channel.prefetch_count or 0)
            subscribe(self.broker, source, serve, operation.summary)
            return translate

        return answer


def subscribe(
    broker: RabbitBroker,
    source: Source,
    serve: Serve,
    description: str,
) -> None:
    """Let *serve* have the messages of *source*.

    FastStream answers nothing when decoding fails, and writes to any reply_to: so it hands the message
    over as it is, and *serve* decodes, replies and acknowledges.
    """
    subscriber = broker.subscriber(
        source.queue,
        source.exchange,
        channel=source.channel,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        decoder=_as_it_is,
        title=source.queue.name,
        description=description,
    )
    subscriber(serve)


async def _as_it_is(message: Any) -> AbstractIncomingMessage:  # noqa: ANN401 - FastStream's own type is generic
    raw: AbstractIncomingMessage = message.raw_message
    return raw
