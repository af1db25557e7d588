"""Writes to the broker, over connections of its own: an alarm that blocks them leaves consuming alone.

Replies go where callers say, so they have a connection apart from events, retries and dead letters. What was
on its way when the broker closed a connection or channel with an error of its own may be what it choked on:
a reply is given up then, and anything else has one more try on a connection of its own.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import structlog
from aio_pika import Message, connect, connect_robust
from aio_pika.abc import AbstractChannel, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from aiormq.abc import AbstractConnection as Line
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelPreconditionFailed,
    ConnectionChannelError,
    ConnectionCommandInvalid,
    ConnectionFrameError,
    ConnectionInternalError,
    ConnectionNotAllowed,
    ConnectionNotImplemented,
    ConnectionSyntaxError,
    ConnectionUnexpectedFrame,
)

from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import broken_connections, named
from service.infrastructure.rabbitmq.reply_keys import ReplyKeys

# Between two attempts to publish.
_PAUSE_SECONDS: Final = 0.5
# A connection that is ready says so without waiting for anything.
_AT_ONCE_SECONDS: Final = 0.1
# To connect, publish one message and hear that the broker has it.
_ALONE_SECONDS: Final = 5.0
# Connections of single messages at a time.
_ALONE: Final = 4
# How long it takes at most to learn why a connection was closed.
_WHY_SECONDS: Final = 1.0
# How the broker closes when it cannot bear what it was sent; 320, CONNECTION_FORCED, is an operator's word.
_CHOKED: Final = (
    ChannelAccessRefused,
    ChannelPreconditionFailed,
    ConnectionChannelError,
    ConnectionCommandInvalid,
    ConnectionFrameError,
    ConnectionInternalError,
    ConnectionNotAllowed,
    ConnectionNotImplemented,
    ConnectionSyntaxError,
    ConnectionUnexpectedFrame,
)

_log = structlog.get_logger("profile.publisher")


class BrokerChoked(Exception):
    """The broker has closed a connection or channel with an error of its own over what was sent."""


class RabbitPublisher:
    """Publishes to queues by name. `async with` opens and closes its connections.

    Attributes:
        given_up: How many messages were given up, by what they were and why.

    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AbstractRobustConnection | None = None
        self._replies: AbstractRobustConnection | None = None
        self._confirming: AbstractRobustChannel
        self._quick: AbstractRobustChannel
        self._confirmed_replies: AbstractRobustChannel
        self._closing = AsyncExitStack()
        self._keys = ReplyKeys()
        self._proving = asyncio.Semaphore(_ALONE)
        self._alone_places = asyncio.Semaphore(_ALONE)
        self.given_up: Counter[tuple[str, str]] = Counter()

    async def __aenter__(self) -> Self:
        """Connect."""
        async with AsyncExitStack() as stack:
            self._connection = await self._connected("publish", stack)
            self._confirming = await self._connection.channel(on_return_raises=True)
            self._replies = await self._connected("reply", stack)
            self._quick = await self._replies.channel(publisher_confirms=False)
            self._confirmed_replies = await self._replies.channel()
            self._closing = stack.pop_all()
        return self

    async def _connected(self, purpose: str, stack: AsyncExitStack) -> AbstractRobustConnection:
        connection = await connect_robust(named(self._url, purpose), reconnect_interval=1.0)
        stack.push_async_callback(connection.close)
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._closing.aclose()

    async def is_open(self) -> bool:
        """Return whether the broker takes messages just now: it is there, and no alarm blocks it."""
        return await _is_open(self._connection) and await _is_open(self._replies)

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> bool:
        """Send the reply *message* to *queue* and, if *confirmed*, wait until the broker has it.

        After some *seconds* nobody waits for it any more, and it is given up; return whether it was not.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._reply(message, queue, confirmed=confirmed)
        except (TimeoutError, BrokerChoked) as error:  # the broker is away, or takes no such message
            self._give_up("reply", error, message)
            return False
        except DeliveryError:  # the caller's queue takes no more, which only the caller can help
            _log.info("reply refused", correlation_id=message.correlation_id)
        return True

    async def _reply(self, message: Message, queue: str, *, confirmed: bool) -> None:
        if not self._keys.are_proven(queue):
            async with self._proving:
                if not self._keys.are_proven(queue):
                    await self._publish_alone(message, queue)
                    self._keys.prove(queue)
                    return
        channel = self._confirmed_replies if confirmed else self._quick
        # Not mandatory: RabbitMQ 3.10 returns a mandatory direct reply that it has delivered.
        await _publish(self._replies, channel, message, queue)

    async def set_aside(self, message: Message, queue: str) -> None:
        """Put the dead letter *message* into *queue*, and wait until the broker has it.

        Raises:
            BrokerChoked: The broker cannot bear it.

        """
        await self._insist(message, queue, what="dead letter")

    async def retry_later(self, message: Message, queue: str, delay: str) -> None:
        """Let *message* come to *queue* after a delay, and wait until the broker has it.

        Raises:
            BrokerChoked: The broker cannot bear it.

        """
        await self._insist(message, queue, what="retry", exchange=delay)

    async def _insist(self, message: Message, queue: str, *, what: str, exchange: str = "") -> None:
        while True:
            try:
                return await self._send(message, queue, what=what, exchange=exchange, mandatory=True)
            except DeliveryError as error:  # somebody has deleted the queue, and has to make it again
                _log.error(f"{what} refused", queue=exchange or queue, error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def tell(self, event: Message, routing_key: str, *, needed: bool) -> None:
        """Publish *event*, and wait until the broker has it. If it is *needed*, a queue must take it.

        Raises:
            DeliveryError: A queue takes no more, or none takes what is needed.
            BrokerChoked: The broker cannot bear it.

        """
        await self._send(event, routing_key, what="event", exchange=EVENTS_EXCHANGE, mandatory=needed)

    async def _send(
        self, message: Message, routing_key: str, *, what: str, exchange: str, mandatory: bool
    ) -> None:
        """Publish beside others and, if the broker chokes on one of them, once more alone."""
        try:
            await _publish(
                self._connection,
                self._confirming,
                message,
                routing_key,
                exchange=exchange,
                mandatory=mandatory,
            )
        except BrokerChoked as error:
            _log.error("publishing alone", what=what, queue=routing_key, error_type=str(error))
            try:
                await self._publish_alone(message, routing_key, exchange=exchange, mandatory=mandatory)
            except BrokerChoked as worse:
                self._give_up(what, worse, message)
                raise

    async def _publish_alone(
        self, message: Message, routing_key: str, *, exchange: str = "", mandatory: bool = False
    ) -> None:
        """Publish on a connection of its own, once, however long the broker is away.

        Raises:
            BrokerChoked, DeliveryError

        """
        while True:
            line: Line | None = None
            try:
                with broken_connections():
                    async with (
                        self._alone_places,
                        asyncio.timeout(_ALONE_SECONDS),
                        await connect(named(self._url, "single")) as connection,
                    ):
                        line = connection.transport.connection if connection.transport else None
                        channel = await connection.channel(on_return_raises=True)
                        return await _publish_on(
                            channel, message, routing_key, exchange=exchange, mandatory=mandatory
                        )
            except DeliveryError:
                raise
            except (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError) as error:
                if line and isinstance(why := await _why(line, error), _CHOKED):
                    raise BrokerChoked(type(why).__name__) from error
                _log.warning("publishing again", error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    def _give_up(self, what: str, error: Exception, message: Message) -> None:
        why = str(error) or type(error).__name__
        self.given_up[what, why] += 1
        _log.error("given up", what=what, why=why, correlation_id=message.correlation_id)


async def _is_open(connection: AbstractRobustConnection | None) -> bool:
    if connection is None or not connection.connected.is_set() or (transport := connection.transport) is None:
        return False
    try:
        async with asyncio.timeout(_AT_ONCE_SECONDS):
            await transport.connection.ready()  # which waits while the broker blocks it
    except TimeoutError:
        return False
    return True


async def _publish(
    connection: AbstractRobustConnection | None,
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
        BrokerChoked: The broker has closed the connection or channel with an error of its own.

    """
    while True:
        line: Line | None = None
        try:
            with broken_connections():
                await channel.ready()
                line = _line_of(connection)
                await _publish_on(channel, message, routing_key, exchange=exchange, mandatory=mandatory)
        except DeliveryError:
            raise
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            if line and isinstance(why := await _why(line, error), _CHOKED):
                raise BrokerChoked(type(why).__name__) from error
            # If the broker had the message and only its confirm is lost, there will be two of it.
            _log.warning("publishing again", error_type=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def _publish_on(
    channel: AbstractChannel, message: Message, routing_key: str, *, exchange: str, mandatory: bool
) -> None:
    named_exchange = exchange and await channel.get_exchange(exchange, ensure=False)
    await (named_exchange or channel.default_exchange).publish(message, routing_key, mandatory=mandatory)


def _line_of(connection: AbstractRobustConnection | None) -> Line | None:
    """Return the connection that is under *connection* now; it has another one after a reconnect."""
    return connection.transport.connection if connection and connection.transport else None


async def _why(line: Line, error: Exception) -> BaseException | None:
    """Return why what was sent over *line* has met with *error*: the reason why it was closed, if it was."""
    if isinstance(error, _CHOKED) or not isinstance(error, ConnectionError | ChannelInvalidStateError):
        return error
    closing = asyncio.ensure_future(line.closing)
    await asyncio.wait([closing], timeout=_WHY_SECONDS)
    if not closing.done():
        return error
    return None if closing.cancelled() else closing.exception()
