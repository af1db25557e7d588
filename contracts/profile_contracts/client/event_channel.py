"""A connection on which events arrive, one after the other, until it breaks."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aio_pika import Connection
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity
from aiormq.exceptions import ChannelAccessRefused

from profile_contracts.client.connection import close_in_time, lost_connection
from profile_contracts.errors import Disconnected, QueueRefused
from profile_contracts.events import EVENTS_EXCHANGE

# What the broker hands over before it is acknowledged. Of a durable queue one: RabbitMQ 4 counts how often an
# event went back, those that were handed over beside it included, and drops it in the end.
_PREFETCH_OF_DURABLE: Final = 1
_PREFETCH: Final = 200
# How long the broker may take to say how many messages wait.
_COUNT_SECONDS: Final = 5.0
# As `docs/howto/listen.md` has it. One that is there already may be of another kind.
_ARGUMENTS: Final[Any] = {"x-queue-type": "quorum"}


@dataclass(slots=True, eq=False)
class EventChannel:
    """A connection, the queue that is consumed on it, and what has arrived.

    Attributes:
        arrived: The messages that nobody has taken yet; `None` once there will be no more.
        is_open: Whether more may arrive.

    """

    connection: AbstractConnection
    queue: AbstractQueue
    arrived: asyncio.Queue[AbstractIncomingMessage | None] = field(default_factory=asyncio.Queue)
    is_open: bool = True

    @classmethod
    async def open(
        cls,
        connection: Connection,
        keys: Sequence[str],
        name: str,
        *,
        durable: bool,
        on_missing: Callable[[], None],
    ) -> Self:
        """Bind the queue *name* to events with *keys*, over *connection*, which is closed if that fails.

        A queue that is not *durable* is gone with the connection. One that is not there is made, after
        *on_missing* was called: what was published before, it does not have.

        Raises:
            Disconnected: The connection broke, or there is no exchange of events yet.
            QueueRefused: The user may not have that queue, or not bind it.

        """
        try:
            with lost_connection(sent=False):
                try:
                    queue = await _declared(connection, name, durable=durable, on_missing=on_missing)
                    for each in keys:
                        await queue.bind(EVENTS_EXCHANGE, each)
                except ChannelNotFoundEntity:
                    message = f"There is no exchange {EVENTS_EXCHANGE} yet."
                    raise Disconnected(message, sent=False) from None
                except ChannelClosed as refused:
                    raise QueueRefused(f"The broker does not let us have the queue {name}.") from refused
                return cls(connection, queue)
        except BaseException:  # a cancellation, too, must leave no connection open
            await close_in_time(connection)
            raise

    async def consume(self) -> None:
        """Let events arrive.

        Raises:
            Disconnected: The connection broke, or the queue is gone.
            QueueRefused: The user may not read from it, or another consumer has it alone.

        """
        with lost_connection(sent=False):
            channel = await self.queue.channel.get_underlay_channel()
            channel.on_consumer_cancel_callbacks.add(self.give_up)  # somebody deletes the queue
            self.queue.channel.close_callbacks.add(self.give_up)
            try:
                await self.queue.consume(self._take)
            except ChannelAccessRefused as refused:
                raise QueueRefused(f"The broker does not let us read from {self.queue.name}.") from refused

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self.arrived.put_nowait(message)

    async def count(self) -> int | None:
        """Return how many messages are in the queue that no consumer has; `None` if that can't be seen.

        It is to run in a task of its own: aiormq may swallow a cancellation.
        """
        if self.connection.transport is None:
            return None
        count: int | None = None
        with suppress(Disconnected, TimeoutError), lost_connection(sent=False):
            # Not aio-pika's: of each channel, it leaves two callbacks with the connection.
            async with asyncio.timeout(_COUNT_SECONDS):
                channel = await self.connection.transport.connection.channel(publisher_confirms=False)
                found = await channel.queue_declare(self.queue.name, passive=True)
                count = found.message_count
                await channel.close()
        return count

    def give_up(self, *_: object) -> None:
        """Say that no more will arrive."""
        self.is_open = False
        self.arrived.put_nowait(None)

    async def close(self) -> None:
        """Disconnect, within two seconds. What was not acknowledged goes back to the queue."""
        await close_in_time(self.connection)


async def _declared(
    connection: AbstractConnection, name: str, *, durable: bool, on_missing: Callable[[], None]
) -> AbstractQueue:
    if not durable:
        on_missing()
        return await (await _channel(connection, _PREFETCH)).declare_queue(name, exclusive=True)
    with suppress(ChannelNotFoundEntity):  # which closes the channel
        return await (await _channel(connection)).declare_queue(name, passive=True)
    on_missing()  # whatever happens from here on, the queue may be there the next time
    return await (await _channel(connection)).declare_queue(name, durable=True, arguments=_ARGUMENTS)


async def _channel(connection: AbstractConnection, prefetch: int = _PREFETCH_OF_DURABLE) -> AbstractChannel:
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=prefetch)
    return channel
