"""Where replies come to: to a channel, by RabbitMQ's direct reply-to, or into a queue of the client's own.

RabbitMQ documentation, "Direct Reply-To", compares the two; ADR 32 says why our queue is as it is.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Final, Literal
from uuid import uuid4

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity

from profile_contracts.client.connection import lost_connection
from profile_contracts.errors import Disconnected, QueueRefused

ReplyMode = Literal["direct", "queue"]

_DIRECT_REPLY_TO: Final = "amq.rabbitmq.reply-to"
# How long a queue of replies is kept for a client that is away, in milliseconds.
_EXPIRES_MS: Final = 60_000
# Arguments and no policy: a client may set none, and a queue without them would stay for ever.
_ARGUMENTS: Final[Any] = {
    "x-queue-type": "classic",
    "x-expires": _EXPIRES_MS,
    "x-max-length": 10_000,
    "x-max-length-bytes": 64 * 1024 * 1024,
}
# What the broker hands over before it is acknowledged.
_PREFETCH: Final = 500


class Replies(ABC):
    """Where replies come to, and who waits for them, by correlation id.

    Attributes:
        address: What requests name in `reply_to`.

    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self._waiting: dict[str, asyncio.Future[bytes | None]] = {}

    @property
    def are_awaited(self) -> bool:
        """Whether anybody waits for a reply."""
        return bool(self._waiting)

    @contextmanager
    def expect(self, key: str) -> Iterator[asyncio.Future[bytes | None]]:
        """Wait for the reply to *key*; give its body, or None if it will not come."""
        self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            yield self._waiting[key]
        finally:
            del self._waiting[key]

    @abstractmethod
    async def listen(self, connection: AbstractConnection) -> AbstractChannel:
        """Let replies come over *connection*, and return the channel that they come by.

        Raises:
            QueueRefused: The user may not have the queue.

        """

    @abstractmethod
    def on_channel_lost(self) -> None:
        """Do what follows from the loss of that channel."""

    def give_up(self) -> None:
        """Tell everybody who waits that no reply will come."""
        for each in self._waiting.values():
            _settle(each, None)

    async def _take(self, reply: AbstractIncomingMessage) -> None:
        """Hand *reply* to whoever waits for it."""
        if waiting := self._waiting.get(reply.correlation_id or ""):
            _settle(waiting, reply.body)


class DirectReplies(Replies):
    """Replies to a channel, without a queue and without a right. They do not outlive that channel."""

    def __init__(self) -> None:
        super().__init__(_DIRECT_REPLY_TO)

    async def listen(self, connection: AbstractConnection) -> AbstractChannel:
        """Let replies come to a channel of *connection*: requests have to go over the same."""
        channel = await _channel(connection)
        await (await channel.get_queue(self.address, ensure=False)).consume(self._take, no_ack=True)
        return channel

    def on_channel_lost(self) -> None:
        """Tell everybody who waits that no reply will come."""
        self.give_up()


class ReplyQueue(Replies):
    """Replies into a queue that outlives its connections.

    It is deleted when the client is closed, or a minute after it was lost. Replies are acknowledged, so one
    that was lost on its way comes again. Where the queue is gone, those who wait are told, and the next one
    has another name: RabbitMQ makes no queue anew whose node is away.

    Args:
        user: The broker user. Workers write to queues whose names begin with it, because RabbitMQ
            validates the `user_id` of requests.
        come_back: Is called when a channel is lost.

    """

    def __init__(self, user: str, come_back: Callable[[], None]) -> None:
        super().__init__()
        self._user = user
        self._come_back = come_back
        self._priorities = count(1)
        self._consumer: tuple[AbstractQueue, str] | None = None

    async def listen(self, connection: AbstractConnection) -> AbstractChannel:
        """Consume the queue over *connection*: the one of before, if it is there, or else a new one."""
        try:
            if self.address:
                with suppress(ChannelNotFoundEntity):  # which closes the channel
                    return await self._consume(await _channel(connection))
                self.give_up()
            self.address = f"{self._user}.replies.{uuid4().hex}"
            channel = await _channel(connection)
            await channel.declare_queue(self.address, durable=True, arguments=_ARGUMENTS)
            return await self._consume(channel)
        except ChannelClosed as refused:
            raise QueueRefused(f"The broker does not let us have the queue {self.address}.") from refused

    def on_channel_lost(self) -> None:
        """Come back: who waits may have a reply there."""
        self._come_back()

    async def delete(self) -> None:
        """Delete the queue, with the replies that are still in it.

        Raises:
            Disconnected: The connection broke.

        """
        if self._consumer:
            queue, tag = self._consumer
            with lost_connection(sent=True):
                await queue.cancel(tag)
                await queue.delete(if_unused=False, if_empty=False)

    async def _consume(self, channel: AbstractChannel) -> AbstractChannel:
        await channel.set_qos(prefetch_count=_PREFETCH)
        queue = await channel.get_queue(self.address, ensure=False)
        # Rather here than to a connection that is lost, which the broker notices later than we do.
        priority: Any = {"x-priority": next(self._priorities)}
        self._consumer = queue, await queue.consume(self._acknowledge, arguments=priority)
        return channel

    async def _acknowledge(self, reply: AbstractIncomingMessage) -> None:
        await self._take(reply)
        with suppress(Disconnected), lost_connection(sent=True):  # then it comes again
            await reply.ack()


async def _channel(connection: AbstractConnection) -> AbstractChannel:
    # Confirms, because without them aiormq drops what comes back, and logs it, passwords included.
    return await connection.channel(publisher_confirms=True, on_return_raises=True)


def _settle(waiting: asyncio.Future[bytes | None], body: bytes | None) -> None:
    if not waiting.done():
        waiting.set_result(body)
