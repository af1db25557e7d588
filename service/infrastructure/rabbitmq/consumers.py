"""The consumers of this worker: paused and resumed one by one, cancelled for good, and consumed again."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from itertools import count
from typing import Any, Final

import structlog
from aio_pika import RobustChannel, RobustQueue
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection, AbstractRobustQueue
from aio_pika.exceptions import ChannelInvalidStateError
from aiormq import Channel
from faststream.rabbit import RabbitBroker
from faststream.rabbit.subscriber import RabbitSubscriber

from service.infrastructure.rabbitmq.connection import (
    AWAY,
    CancellableConnection,
    map_cancellation,
    signature,
)
from service.infrastructure.rabbitmq.joined_writes import abort
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper

_WAIT_SECONDS: Final = 5.0
# How often to look whether every queue is consumed, which asks nobody, and whether everything stands.
RESTORING: Final = timedelta(seconds=0.5)
LOOKING: Final = timedelta(seconds=10)
# Failures in a row: after a reconnect the channels are opened one by one, and some are late.
_WORTH_A_LINE: Final = 6
_numbers: Final = count(1)

_log = structlog.get_logger("profile.consumers")


async def _at_once(_queue: str) -> None:
    """Wait for nothing."""


class Consumers:
    """What FastStream has subscribed on *broker*.

    FastStream can only stop a subscriber, and then it waits for the messages in flight with the consumer
    open: what comes meanwhile it keeps from all workers. Here the consumer goes first. And aio-pika restores
    all queues of a connection or none: one that somebody has made as another type would keep all others
    without a consumer. Here each is consumed again by itself. For that, and to connect as we do, three
    attributes of FastStream's are needed that it does not promise to keep; tests hold it to them.

    Attributes:
        connection: What messages come over, once it has started.
        reconnects: How often that was opened again.

    """

    def __init__(self, broker: RabbitBroker, keeper: TopologyKeeper) -> None:
        self._broker = broker
        self._keeper = keeper
        self._paused: frozenset[str] = frozenset()
        self._closed = False
        self._failures: Counter[str] = Counter()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.connection: AbstractRobustConnection | None = None
        self.reconnects = 0

    async def connect(self) -> None:
        """Connect, so that FastStream can begin to consume, under names that say which process does.

        To begin under other names and change them would be no good: what is on its way to a consumer that is
        cancelled, a quorum queue counts as delivered.

        Raises:
            AMQPError, OSError: The broker is away.

        """
        self._broker._connection_kwargs["connection_class"] = CancellableConnection  # noqa: SLF001 - see above
        connection: Any = await self._broker.connect()
        connection.CHANNEL_CLASS = _NamingChannel

    async def take_over(self) -> None:
        """Look after what FastStream has begun to consume; before that, it would be consumed twice."""
        self.connection = self._keeper.connection = await self._broker.connect()
        self.connection.reconnect_callbacks.add(self._count_reconnect)

    async def pause(self, queues: Collection[str]) -> None:
        """Let the messages of these queues wait there, and consume all others.

        One that can't be consumed again just now hinders no other: `restore` sees to it.

        Raises:
            AMQPError, ChannelInvalidStateError, TimeoutError: The broker is away, and a consumer is not
                cancelled; call this again.

        """
        self._paused = frozenset(queues)
        await self._sync_all()

    async def close(self, until_settled: Callable[[str], Awaitable[None]]) -> None:
        """Let all messages wait in their queues from now on.

        Each consumer is cancelled as soon as *until_settled* has returned for its queue, whatever the others
        wait for: a queue that was quiet a second ago may not be any more.

        Raises:
            AMQPError, ChannelInvalidStateError, TimeoutError: The broker is away; then nothing comes, either.

        """
        self._closed = True
        await self._sync_all(until_settled)

    async def restore(self) -> None:
        """Consume again what is not consumed any more: each queue by itself, made again if it is gone."""
        if self._is_connected() and (lost := await self._lost()):
            restored = await asyncio.gather(*map(self._restore, lost))
            if any(restored):
                _log.warning("consumed again", queues=sorted(filter(None, restored)))

    async def is_any_there(self) -> bool:
        """Return whether there is a consumer, or none should be."""
        wanted = [each for each in self._subscribers() if not self._is_paused(each)]
        return not wanted or any([await self._is_consumed(each) for each in wanted])

    async def missing(self) -> list[str]:
        """Return the queues that this worker should consume and does not, as far as the broker has said."""
        return sorted([each.queue.name for each in await self._lost()])

    async def consumed(self) -> list[str]:
        """Return the queues that this worker consumes."""
        wanted = [each for each in self._subscribers() if not self._is_paused(each)]
        return [each.queue.name for each in wanted if await self._is_consumed(each)]

    async def renew(self) -> None:
        """Drop the connection with all consumers, who come back by themselves."""
        queues = filter(None, map(_queue, self._subscribers()))
        if queue := next(queues, None):
            await abort(queue.channel)

    def _count_reconnect(self, *_connection: object) -> None:
        self.reconnects += 1

    async def _lost(self) -> list[RabbitSubscriber]:
        wanted = [each for each in self._subscribers() if not self._is_paused(each)]
        return [each for each in wanted if not await self._is_consumed(each)]

    async def _is_consumed(self, subscriber: RabbitSubscriber) -> bool:
        """Return whether the channel that is open now has the consumer; the broker may have cancelled it."""
        queue, tag = _queue(subscriber), subscriber._consumer_tag  # noqa: SLF001 - see above
        if queue is None or tag is None or not self._is_connected():  # else it would be waited for
            return False
        try:
            channel = await queue.channel.get_underlay_channel()
        except ChannelInvalidStateError:  # it is being opened again
            return False
        return isinstance(channel, Channel) and not channel.is_closed and tag in channel.consumers

    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.connected.is_set()

    def _subscribers(self) -> list[RabbitSubscriber]:
        return [each for each in self._broker.subscribers if isinstance(each, RabbitSubscriber)]

    def _is_paused(self, subscriber: RabbitSubscriber) -> bool:
        return self._closed or subscriber.queue.name in self._paused

    async def _sync_all(self, until_settled: Callable[[str], Awaitable[None]] = _at_once) -> None:
        """Let all consumers do at once what they are to do: one after the other, they might take minutes."""

        async def sync(subscriber: RabbitSubscriber) -> None:
            await until_settled(subscriber.queue.name)
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._sync(subscriber)

        subscribers = self._subscribers()
        ends = await asyncio.gather(*map(sync, subscribers), return_exceptions=True)
        for subscriber, end in zip(subscribers, ends, strict=True):
            if end is not None and (self._is_paused(subscriber) or not isinstance(end, AWAY)):
                raise end

    async def _restore(self, subscriber: RabbitSubscriber) -> str | None:
        """Consume again from one queue, and return its name; what hinders it for long is logged once."""
        name = subscriber.queue.name
        try:
            await self._keeper.ensure(name)
            await self._sync(subscriber)
        except AWAY as error:
            self._failures[name] += 1
            if self._failures[name] == _WORTH_A_LINE:
                _log.error("not consumed", queue=name, why=str(error) or type(error).__name__)
            return None
        self._failures.pop(name, None)
        return name

    async def _sync(self, subscriber: RabbitSubscriber) -> None:
        """Consume from the queue of *subscriber*, or do not, as it is wanted just now."""
        queue = _queue(subscriber)
        if queue is None:  # not started
            return
        async with self._locks[subscriber.queue.name]:
            tag = subscriber._consumer_tag  # noqa: SLF001 - see above
            with map_cancellation():
                if tag and self._is_paused(subscriber):
                    subscriber._consumer_tag = None  # noqa: SLF001
                    await queue.cancel(tag, timeout=_WAIT_SECONDS)
                elif not self._is_paused(subscriber) and not await self._is_consumed(subscriber):
                    await self._consume(subscriber, queue)

    async def _consume(self, subscriber: RabbitSubscriber, queue: AbstractRobustQueue) -> None:
        consume: Any = subscriber.consume  # FastStream's own type of message is aio-pika's
        async with asyncio.timeout(_WAIT_SECONDS):
            tag = await queue.consume(consume)
            subscriber._consumer_tag = tag  # noqa: SLF001 - see above


class _NamingQueue(RobustQueue):
    """Names each consumer after this process, waits in bounds, and leaves it to `Consumers` to restore it.

    FastStream drops what comes before its subscriber counts as running, which is when `consume` has returned:
    such a message would stay unacknowledged for as long as its channel lives. Here it waits for that, and
    what comes after it does not overtake it.
    """

    async def consume(self, callback: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> str:  # noqa: ANN401 - as aio-pika has it
        not_running = asyncio.Lock()  # whoever waits for it gets it in turn

        async def once_running(message: AbstractIncomingMessage) -> None:
            async with not_running:
                pass
            await callback(message)

        # Never the same twice: a consumer that was cancelled may not have ended yet.
        tag = f"{signature(self.name)} {next(_numbers)}"
        ours = {"consumer_tag": tag, "timeout": _WAIT_SECONDS, "robust": False}
        await not_running.acquire()
        try:
            return await super().consume(once_running, *args, **{**options, **ours})
        except TimeoutError:
            message = f"RabbitMQ does not let us consume from {self.name} within {_WAIT_SECONDS:g} seconds"
            raise TimeoutError(message) from None
        finally:
            # Whoever has called this goes on before the event loop does.
            asyncio.get_running_loop().call_soon(not_running.release)


class _NamingChannel(RobustChannel):
    """Has queues that name their consumers."""

    QUEUE_CLASS = _NamingQueue


def _queue(subscriber: RabbitSubscriber) -> AbstractRobustQueue | None:
    return subscriber._queue_obj  # noqa: SLF001 - see above
