"""The consumers of this worker: paused and resumed one by one, cancelled for good, and looked for."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import structlog
from aio_pika.abc import AbstractRobustQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq import Channel
from faststream.rabbit import RabbitBroker
from faststream.rabbit.subscriber import RabbitSubscriber

from service.infrastructure.rabbitmq.connection import broken_connections

_WAIT_SECONDS: Final = 5.0
_AT_ONCE_SECONDS: Final = 0.1

_log = structlog.get_logger("profile.consumers")


class Consumers:
    """What FastStream has subscribed on *broker*.

    FastStream can only stop a subscriber, and then it waits for the messages in hand with the consumer
    open: what comes meanwhile it keeps from all workers. Here the consumer goes first. For that two
    attributes of FastStream's are needed that it does not promise to keep; tests hold it to them.
    """

    def __init__(self, broker: RabbitBroker) -> None:
        self._broker = broker
        self._paused: frozenset[str] = frozenset()
        self._closed = False

    async def bind(self, queue: str, exchange: str, keys: Collection[str]) -> None:
        """Bind *queue* to *exchange* by all *keys*; FastStream knows of one at most.

        If somebody deletes the queue, aio-pika makes it again with the bindings that it has made itself.
        """
        bound = [_queue(each) for each in self._subscribers() if each.queue.name == queue]
        for found in filter(None, bound):
            for key in keys:
                await found.bind(exchange, key, timeout=_WAIT_SECONDS)

    async def pause(self, queues: Collection[str]) -> None:
        """Let the messages of these queues wait there, and consume all others.

        Raises:
            AMQPError, ChannelInvalidStateError, TimeoutError: The broker is away; call this again.

        """
        self._paused = frozenset(queues)
        await self._all_obey()

    async def close(self) -> None:
        """Let all messages wait in their queues from now on.

        Raises:
            AMQPError, ChannelInvalidStateError, TimeoutError: The broker is away; then nothing comes, either.

        """
        self._closed = True
        await self._all_obey()

    async def verify(self) -> None:
        """Say in the log which queues are not consumed that should be; aio-pika sees to it that they are."""
        async with asyncio.timeout(_WAIT_SECONDS):
            missing = await self.missing()
        if missing:
            _log.error("not consumed", queues=missing)

    async def is_any_there(self) -> bool:
        """Return whether there is a consumer, or none should be."""
        wanted = [each for each in self._subscribers() if not self._rests(each)]
        return not wanted or any([await _is_consumed(each) for each in wanted])

    async def missing(self) -> list[str]:
        """Return the queues that this worker should consume and does not, as far as the broker has said."""
        wanted = [each for each in self._subscribers() if not self._rests(each)]
        return sorted([each.queue.name for each in wanted if not await _is_consumed(each)])

    def _subscribers(self) -> list[RabbitSubscriber]:
        return [each for each in self._broker.subscribers if isinstance(each, RabbitSubscriber)]

    def _rests(self, subscriber: RabbitSubscriber) -> bool:
        return self._closed or subscriber.queue.name in self._paused

    async def _all_obey(self) -> None:
        """Let all consumers do at once what they are to do: one after the other, they might take minutes."""
        async with asyncio.timeout(_WAIT_SECONDS):
            ends = await asyncio.gather(*map(self._obey, self._subscribers()), return_exceptions=True)
        if errors := [each for each in ends if each is not None]:
            raise errors[0]

    async def _obey(self, subscriber: RabbitSubscriber) -> None:
        queue = _queue(subscriber)
        if queue is None:  # not started
            return
        tag = subscriber._consumer_tag  # noqa: SLF001 - see above
        with broken_connections():
            if tag and self._rests(subscriber):
                subscriber._consumer_tag = None  # noqa: SLF001
                await queue.cancel(tag, timeout=_WAIT_SECONDS)
            elif not tag and not self._rests(subscriber):
                consume: Any = subscriber.consume  # FastStream's own type of message is aio-pika's
                subscriber._consumer_tag = await queue.consume(consume, timeout=_WAIT_SECONDS)  # noqa: SLF001


def _queue(subscriber: RabbitSubscriber) -> AbstractRobustQueue | None:
    return subscriber._queue_obj  # noqa: SLF001 - see above


async def _is_consumed(subscriber: RabbitSubscriber) -> bool:
    """Return whether the channel that is open now has the consumer; the broker may have cancelled it."""
    queue, tag = _queue(subscriber), subscriber._consumer_tag  # noqa: SLF001
    if queue is None or tag is None or queue.channel.is_closed:
        return False
    try:
        async with asyncio.timeout(_AT_ONCE_SECONDS):  # it is there, or the connection is away
            channel = await queue.channel.get_underlay_channel()
    except (AMQPError, ChannelInvalidStateError, TimeoutError):
        return False
    return isinstance(channel, Channel) and tag in channel.consumers
