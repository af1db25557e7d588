"""A channel over which requests go and direct replies come back, and what aiormq says when it breaks.

Replies come by RabbitMQ's direct reply-to, so the broker user needs no right but to write to the
exchange `profile.commands`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

from aio_pika import Connection, Message
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from yarl import URL

from profile_contracts.errors import Disconnected

COMMANDS_EXCHANGE: Final = "profile.commands"
DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"
_CLOSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class RpcChannel:
    """A connection, and who waits for a reply on it: direct replies do not outlive their channel."""

    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange
    waiting: dict[str, asyncio.Future[bytes | None]] = field(default_factory=dict)

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Connect to *url*, and listen for replies.

        Raises:
            Disconnected: The broker isn't there, or lets nobody in.

        """
        # Not a robust connection: it would come back without the consumer of direct replies. And not
        # aio_pika.connect: that leaves a connection that failed to be closed by its finalizer.
        connection = Connection(url)
        try:
            with lost_connection(sent=False):
                return await cls._on(connection)
        except BaseException:  # a cancellation, too, must leave no connection open
            await close_in_time(connection)
            raise

    @classmethod
    async def _on(cls, connection: Connection) -> Self:
        await connection.connect()
        # Confirms, because without them aiormq drops what comes back, and logs it, passwords included.
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        opened = cls(connection, channel, await channel.get_exchange(COMMANDS_EXCHANGE, ensure=False))
        channel.close_callbacks.add(opened.give_up)
        replies = await channel.get_queue(DIRECT_REPLY_TO, ensure=False)
        await replies.consume(opened.settle, no_ack=True)
        return opened

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return not self.channel.is_closed

    async def publish(self, queue: str, message: Message) -> None:
        """Send *message*, and wait until the broker has it.

        Raises:
            Disconnected: The connection broke.
            DeliveryError: No queue takes it.

        """
        with lost_connection(sent=True):
            await self.exchange.publish(message, queue)

    async def ask(self, queue: str, message: Message) -> bytes:
        """Send *message*, and return the body of the reply.

        Raises:
            Disconnected: The connection broke before it came.
            DeliveryError: No queue takes the request.

        """
        key = message.correlation_id or ""
        reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.waiting[key] = reply
        try:
            await self.publish(queue, message)
            body = await reply
        finally:
            del self.waiting[key]
        if body is None:
            raise Disconnected("The connection broke before the reply came.", sent=True)
        return body

    async def settle(self, reply: AbstractIncomingMessage) -> None:
        """Hand *reply* to whoever waits for it."""
        self._settle(self.waiting.get(reply.correlation_id or ""), reply.body)

    def give_up(self, *_: object) -> None:
        """Tell everybody who waits that no reply will come."""
        for each in self.waiting.values():
            self._settle(each, None)

    async def close(self) -> None:
        """Disconnect, within two seconds; whoever waits for a reply is `Disconnected`."""
        self.give_up()
        await close_in_time(self.connection)

    @staticmethod
    def _settle(waiting: asyncio.Future[bytes | None] | None, body: bytes | None) -> None:
        if waiting and not waiting.done():
            waiting.set_result(body)


@contextmanager
def lost_connection(*, sent: bool) -> Iterator[None]:
    """Raise `Disconnected` for all the ways in which aiormq tells that the connection is gone.

    One of them is to cancel whoever waits for an answer of the broker.
    """
    try:
        yield
    except DeliveryError:
        raise
    except (AMQPError, ChannelInvalidStateError, OSError, StopAsyncIteration) as error:
        message = f"The connection to the broker is lost: {type(error).__name__}."
        raise Disconnected(message, sent=sent) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise Disconnected("The connection to the broker is lost.", sent=sent) from None


async def close_in_time(connection: AbstractConnection) -> None:
    """Close *connection*, or give that up after two seconds."""
    with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
