"""How much waits in queues, and for whom: asked over AMQP, which takes no right and no management API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from aio_pika.abc import AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity

from service.infrastructure.rabbitmq.connection import close_channel, map_cancellation, plain_channel

_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Depth:
    """A queue as it stands just now.

    Attributes:
        ready: How many messages wait: none is counted that a consumer has and has not acknowledged.

    """

    queue: str
    exists: bool
    ready: int = 0
    consumers: int = 0


async def depths(connection: AbstractConnection, queues: Iterable[str]) -> Sequence[Depth]:
    """Return how *queues* stand, in this order.

    Raises:
        AMQPError, ConnectionError, TimeoutError: The broker is away.

    """
    channel = await plain_channel(connection)
    found: list[Depth] = []
    try:
        for queue in queues:
            try:
                with map_cancellation():
                    declared = await channel.queue_declare(queue, passive=True, timeout=_SECONDS)
                ready, consumers = declared.message_count or 0, declared.consumer_count or 0
                found.append(Depth(queue, exists=True, ready=ready, consumers=consumers))
            except ChannelNotFoundEntity:  # which has closed the channel
                found.append(Depth(queue, exists=False))
                channel = await plain_channel(connection)
    finally:
        await close_channel(channel)
    return found
