"""Makes what is missing on the broker."""

from aio_pika import ExchangeType
from yarl import URL

from service.infrastructure.rabbitmq.connection import connected
from service.infrastructure.rabbitmq.topology import Topology


async def declare(url: URL, topology: Topology) -> None:
    """Declare the exchanges, queues and bindings of *topology*; what is there already is left alone.

    Raises:
        ChannelPreconditionFailed: A queue or exchange of that name exists and is of another type.
        ChannelAccessRefused: The broker user may not configure it.

    """
    async with connected(url) as connection, connection.channel() as channel:
        for exchange in topology.exchanges:
            await channel.declare_exchange(exchange.name, ExchangeType(exchange.type), durable=True)
        for queue in topology.queues:
            await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        for binding in topology.bindings:
            bound = await channel.get_queue(binding.queue, ensure=False)
            await bound.bind(binding.exchange, binding.routing_key)
