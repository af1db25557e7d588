"""Makes what is missing on the broker."""

from typing import Final

from aio_pika import ExchangeType
from yarl import URL

from service.infrastructure.rabbitmq.connection import connected
from service.infrastructure.rabbitmq.topology import Topology

_SECONDS: Final = 5.0


class BindingTimeout(TimeoutError):
    """Exchanges and queues are there, but the broker does not say whether they are bound.

    Before version 4 it binds nothing while a node of the cluster is silent, not even what is bound already,
    until the others take that node for dead: after a minute (`net_ticktime` in RabbitMQ's documentation).
    """

    def __init__(self) -> None:
        super().__init__(
            "RabbitMQ does not say whether queues are bound: is a node of the cluster silent? "
            "Try again in a minute."
        )


async def declare(url: URL, topology: Topology) -> None:
    """Declare the exchanges, queues and bindings of *topology*; what is there already is left alone.

    Raises:
        ChannelPreconditionFailed: A queue or exchange of that name exists and is of another type.
        ChannelAccessRefused: The broker user may not configure it.
        BindingTimeout
        TimeoutError: The broker does not answer.

    """
    async with connected(url) as connection, connection.channel() as channel:
        for exchange in topology.exchanges:
            kind = ExchangeType(exchange.type)
            await channel.declare_exchange(exchange.name, kind, durable=True, timeout=_SECONDS)
        for queue in topology.queues:
            await channel.declare_queue(
                queue.name, durable=True, arguments=dict(queue.arguments), timeout=_SECONDS
            )
        try:
            for binding in topology.bindings:
                bound = await channel.get_queue(binding.queue, ensure=False)
                await bound.bind(binding.exchange, binding.routing_key, timeout=_SECONDS)
        except TimeoutError:
            raise BindingTimeout from None
