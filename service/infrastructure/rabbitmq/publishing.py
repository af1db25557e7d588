"""How one message is published: again and again while the broker is away, until it chokes on it."""

import asyncio
from typing import Final

import structlog
from aio_pika import Message
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

from service.infrastructure.rabbitmq.connection import CALLS, map_cancellation
from service.infrastructure.rabbitmq.joined_writes import publish_joined
from service.pkg.detached import TooManyAbandoned

# Between two attempts to publish.
_PAUSE_SECONDS: Final = 0.5
# A connection that is ready says so without waiting for anything.
_AT_ONCE_SECONDS: Final = 0.1
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


async def takes_messages(connection: AbstractRobustConnection | None) -> bool:
    """Return whether the broker is at the other end of *connection*, and no alarm blocks it."""
    if connection is None or not connection.connected.is_set() or (transport := connection.transport) is None:
        return False
    try:
        async with asyncio.timeout(_AT_ONCE_SECONDS):
            await transport.connection.ready()  # which waits while the broker blocks it
    except TimeoutError:
        return False
    return True


async def publish(
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
            with map_cancellation():
                await channel.ready()
                line = _line_of(connection)
                await publish_once(channel, message, routing_key, exchange=exchange, mandatory=mandatory)
        except DeliveryError:
            raise
        except (AMQPError, ChannelInvalidStateError, ConnectionError, TooManyAbandoned) as error:
            if choke := line and await choke_of(line, error):
                raise choke from error
            # If the broker had the message and only its confirm is lost, there will be two of it.
            _log.warning("publishing again", error_type=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def publish_once(
    channel: AbstractChannel, message: Message, routing_key: str, *, exchange: str, mandatory: bool
) -> None:
    """Publish *message*, or raise what the broker or the connection says against it."""
    publishing = publish_joined(channel, message, routing_key, exchange=exchange, mandatory=mandatory)
    # Without confirms there is hardly anything to wait for, and nothing to lose.
    await (CALLS.run(publishing) if channel.publisher_confirms else publishing)


def _line_of(connection: AbstractRobustConnection | None) -> Line | None:
    """Return the connection that is under *connection* now; it has another one after a reconnect."""
    return connection.transport.connection if connection and connection.transport else None


async def choke_of(line: Line, error: Exception) -> BrokerChoked | None:
    """Return that the broker has choked on what was sent over *line*, if *error* comes from that."""
    why = await _why(line, error)
    return BrokerChoked(type(why).__name__) if isinstance(why, _CHOKED) else None


async def _why(line: Line, error: Exception) -> BaseException | None:
    """Return why what was sent over *line* has met with *error*: the reason why it was closed, if it was."""
    if isinstance(error, _CHOKED) or not isinstance(error, ConnectionError | ChannelInvalidStateError):
        return error
    closing = asyncio.ensure_future(line.closing)
    await asyncio.wait([closing], timeout=_WHY_SECONDS)
    if not closing.done():
        return error
    return None if closing.cancelled() else closing.exception()
