"""Writes to the broker, over a connection of its own: an alarm that blocks it leaves consuming alone."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self

import structlog
from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from yarl import URL

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import answers, broken_connections
from service.infrastructure.rabbitmq.delays import Delays
from service.infrastructure.rabbitmq.topology import RETRIES

# Between two attempts to publish.
_PAUSE_SECONDS: Final = 0.5
# A connection that is ready says so without waiting for anything.
_AT_ONCE_SECONDS: Final = 0.1
# How long the broker has to answer.
_ANSWER_SECONDS: Final = 1.0
# How long a message waits here where no queue gives it back.
_HELD_SECONDS: Final = 5.0

_log = structlog.get_logger("profile.publisher")


class RabbitPublisher:
    """Publishes to queues by name. `async with` opens and closes its connection.

    Attributes:
        delays: The queues in which messages wait to be tried again.

    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self.delays = Delays(RETRIES)
        self._connection: AbstractRobustConnection | None = None
        self._quick: AbstractRobustChannel
        self._confirming: AbstractRobustChannel

    async def __aenter__(self) -> Self:
        """Connect."""
        self._connection = await connect_robust(self._url, reconnect_interval=1.0)
        self._quick = await self._connection.channel(publisher_confirms=False)
        self._confirming = await self._connection.channel(on_return_raises=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        if self._connection:
            await self._connection.close()

    async def is_open(self) -> bool:
        """Return whether the broker takes messages just now: it is there, and no alarm blocks it."""
        if self._connection is None or not self._connection.connected.is_set():
            return False
        if (transport := self._connection.transport) is None:
            return False
        try:
            async with asyncio.timeout(_AT_ONCE_SECONDS):
                await transport.connection.ready()  # which waits while the broker blocks it
        except TimeoutError:
            return False
        return await answers(self._connection, _ANSWER_SECONDS)

    def watching_delays(self) -> AbstractAsyncContextManager[None]:
        """See inside the block whether what is to be tried again comes back. To be used while it is open."""
        assert self._connection is not None  # noqa: S101 - see above
        return self.delays.watched(self._connection)

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> None:
        """Send the reply *message* to *queue* and, if *confirmed*, wait until the broker has it.

        After some *seconds* nobody waits for it any more, and it is given up.
        """
        channel = self._confirming if confirmed else self._quick
        try:
            async with asyncio.timeout(seconds):
                # Not mandatory: RabbitMQ 3.10 returns a mandatory direct reply that it has delivered.
                await _publish(channel, message, queue)
        except TimeoutError:  # the broker is away, or takes no messages
            _log.warning("reply given up", correlation_id=message.correlation_id)
        except DeliveryError:  # the caller's queue takes no more, which only the caller can help
            _log.info("reply refused", correlation_id=message.correlation_id)

    async def set_aside(self, message: Message, queue: str) -> None:
        """Put the dead letter *message* into *queue*, and wait until the broker has it."""
        while True:
            try:
                return await _publish(self._confirming, message, queue, mandatory=True)
            except DeliveryError as error:  # somebody has deleted the queue, and has to make it again
                _log.error("dead letter refused", queue=queue, error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def retry_later(self, message: Message, queue: str, delay: str) -> None:
        """Let *message* come to *queue* after a delay, and wait until the broker has it.

        Where no queue is seen to give it back, it waits here, and is still the broker's if we die.
        """
        while True:
            usable = self.delays.usable(delay)
            try:
                if usable is None:
                    await asyncio.sleep(_HELD_SECONDS)
                    return await _publish(self._confirming, message, queue, mandatory=True)
                return await _publish(self._confirming, message, queue, exchange=usable, mandatory=True)
            except DeliveryError as error:  # as above
                _log.error("retry refused", queue=delay, error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def tell(self, event: Message, routing_key: str, *, needed: bool) -> None:
        """Publish *event*, and wait until the broker has it. If it is *needed*, a queue must take it.

        Raises:
            DeliveryError: A queue takes no more, or none takes what is needed.

        """
        await _publish(self._confirming, event, routing_key, exchange=EVENTS_EXCHANGE, mandatory=needed)


async def _publish(
    channel: AbstractRobustChannel,
    message: Message,
    routing_key: str,
    *,
    exchange: str = "",
    mandatory: bool = False,
) -> None:
    """Publish, however long the broker is away or takes no messages.

    What waits here holds its request back, and with it, by the prefetch, the ones after it. To give
    up instead would carry requests out again and again, or leave them with nobody.

    Raises:
        DeliveryError: No queue takes it.

    """
    while True:
        try:
            with broken_connections():
                await channel.ready()
                named = exchange and await channel.get_exchange(exchange, ensure=False)
                aimed = named or channel.default_exchange
                await aimed.publish(message, routing_key, mandatory=mandatory)
        except DeliveryError:
            raise
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            # If the broker had the message and only its confirm is lost, there will be two of it.
            _log.warning("publishing again", error_type=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
