"""FastStream subscribers, one for each queue."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from pydantic import BaseModel

from profile_contracts.fields import Request
from profile_contracts.operations import Operation
from service.app.request_context import RequestContext
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.route import Route
from service.infrastructure.inputports.amqp.stage import Pipeline

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=BaseModel)
RequestHandler = Callable[[RequestT, RequestContext], Awaitable[ResultT]]


@dataclass(frozen=True, slots=True)
class QueueBinding:
    """Where the messages of one route come from.

    Attributes:
        exchange: Where the queue is bound, if not by the topology alone.
        channel: One of its own for each queue, so that the failure of one stays there.

    """

    queue: RabbitQueue
    exchange: RabbitExchange | None
    channel: Channel


@dataclass(frozen=True, slots=True)
class Router:
    """Lets the messages of each queue through the pipeline, to their handler.

    Attributes:
        binding: Tells where the requests of an operation come from.

    """

    broker: RabbitBroker
    pipeline: Pipeline
    in_flight: InFlight
    binding: Callable[[Operation[Any, Any]], QueueBinding]

    def handles(
        self, operation: Operation[RequestT, Any]
    ) -> Callable[[RequestHandler[RequestT, ResultT]], RequestHandler[RequestT, ResultT]]:
        """Let the decorated function handle the requests for *operation*."""

        def subscribe(handler: RequestHandler[RequestT, ResultT]) -> RequestHandler[RequestT, ResultT]:
            self.consume(Route.of(operation, handler), self.binding(operation), operation.summary)
            return handler

        return subscribe

    def consume(self, route: Route, binding: QueueBinding, description: str) -> None:
        """Let the messages of *binding* through the pipeline.

        FastStream answers nothing when decoding fails, and writes to any reply_to: so it hands messages
        over as they are, and the stages decode, reply and acknowledge.
        """
        prefetch = binding.channel.prefetch_count or 0
        serve = self.in_flight.track(self.pipeline.compile(route), prefetch, route.queue)
        subscriber = self.broker.subscriber(
            binding.queue,
            binding.exchange,
            channel=binding.channel,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_as_it_is,
            title=binding.queue.name,
            description=description,
        )
        subscriber(serve)


async def _as_it_is(message: Any) -> AbstractIncomingMessage:  # noqa: ANN401 - FastStream's own type is generic
    raw: AbstractIncomingMessage = message.raw_message
    return raw
