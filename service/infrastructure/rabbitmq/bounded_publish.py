"""How an operator's message is published: soon, or not at all."""

import asyncio
from typing import Final

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection

from service.infrastructure.rabbitmq.connection import map_cancellation
from service.infrastructure.rabbitmq.joined_writes import abort

# How long the broker may take to confirm a message.
_SECONDS: Final = 5.0


class TakesNoMessages(TimeoutError):
    """The broker confirms nothing: during an alarm it reads no more from whoever publishes."""

    def __init__(self) -> None:
        super().__init__(f"RabbitMQ has taken no message for {_SECONDS:g} seconds: is there an alarm?")


async def confirming_channel(connection: AbstractConnection) -> AbstractChannel:
    """Open a channel on which the broker says whether it has taken what is published.

    Raises:
        TakesNoMessages: An alarm keeps it from being opened.
        AMQPError, ChannelInvalidStateError, ConnectionError: The connection has broken.

    """
    try:
        async with asyncio.timeout(_SECONDS):
            with map_cancellation():
                return await connection.channel(on_return_raises=True)
    except TimeoutError:
        raise TakesNoMessages from None


async def publish_soon(channel: AbstractChannel, message: Message, queue: str, *, mandatory: bool) -> None:
    """Publish *message* on *channel*, a `confirming_channel`, and wait until the broker has it.

    Raises:
        DeliveryError: No queue takes it.
        TakesNoMessages: It was not confirmed. The connection is gone, and the broker may still find it there.
        AMQPError, ChannelInvalidStateError, ConnectionError: The connection has broken.

    """
    try:
        async with asyncio.timeout(_SECONDS):
            with map_cancellation():
                await channel.default_exchange.publish(message, queue, mandatory=mandatory)
    except TimeoutError:
        # What the broker does not read keeps the connection from being closed, however long the alarm lasts.
        await abort(channel)
        raise TakesNoMessages from None
