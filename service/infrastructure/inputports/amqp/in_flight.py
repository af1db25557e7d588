"""The messages that this worker has not acknowledged, so that it can finish them before it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

# A queue that has sent nothing for so long is quiet.
_QUIET_SECONDS: Final = 1.0
# What is in our socket already has come to us after so long.
_READING_SECONDS: Final = 0.1

# The broker takes a message back by itself when its channel is gone.
_LOST: Final = (AMQPError, ChannelInvalidStateError, ConnectionError)

_log = structlog.get_logger("profile.requests")

Serve = Callable[[AbstractIncomingMessage], Awaitable[None]]


class _Consumer:
    """The messages of one queue: no more than its prefetch."""

    def __init__(self, queue: str, prefetch: int) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self.count = 0
        self.arrived = 0
        self._came_at = -_QUIET_SECONDS
        self._came = asyncio.Event()

    def take(self) -> None:
        self.count += 1
        self.arrived += 1
        self._came_at = asyncio.get_running_loop().time()
        self._came.set()

    def drop(self) -> None:
        self.count -= 1

    async def full_or_quiet(self, seconds: float) -> None:
        """Wait until the broker sends no more for now; after so many *seconds*, only for one more message."""
        began = asyncio.get_running_loop().time()
        may_have_come, patient_until = began + _READING_SECONDS, began + seconds
        while self.count < self._prefetch and self._came_at <= patient_until:
            self._came.clear()
            try:
                async with asyncio.timeout_at(max(may_have_come, self._came_at + _QUIET_SECONDS)):
                    await self._came.wait()
            except TimeoutError:
                return


class InFlight:
    """Counts messages from when they came until they are acknowledged, or lost with their channel."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self._consumers: list[_Consumer] = []
        self._ack_gate = asyncio.Event()
        self._ack_gate.set()

    @property
    def by_queue(self) -> Mapping[str, int]:
        """How many messages of each queue are in flight."""
        return {each.queue: each.count for each in self._consumers}

    @property
    def arrived(self) -> Mapping[str, int]:
        """How many messages of each queue have come since the worker started."""
        return {each.queue: each.arrived for each in self._consumers}

    def track(self, serve: Serve, prefetch: int = 0, queue: str = "") -> Serve:
        """Return *serve*, with its messages tracked; they come from one *queue*."""
        consumer = _Consumer(queue, prefetch)
        self._consumers.append(consumer)

        async def tracked(message: AbstractIncomingMessage) -> None:
            self._count += 1
            self._none.clear()
            consumer.take()
            try:
                await serve(message)
            finally:
                consumer.drop()
                self._count -= 1
                if self._count == 0:
                    self._none.set()

        return tracked

    async def acknowledge(self, message: AbstractIncomingMessage) -> None:
        """Let the broker forget *message*. If its channel is gone, the broker gives it to somebody else.

        While a worker begins to end, that waits: what a quorum queue sends to a consumer that is being
        cancelled counts as delivered (rabbitmq-server, pull request 3746), and an acknowledgement makes it
        send. So does giving a message back.
        """
        await self.wait_ack_gate()
        try:
            await message.ack()
        except _LOST as error:
            _log.warning("acknowledgement lost", error_type=type(error).__name__)

    async def wait_ack_gate(self) -> None:
        """Wait until messages may be acknowledged, which is at once, but for the beginning of the end."""
        await self._ack_gate.wait()  # whoever closes it opens it again, and has a limit for that

    @contextmanager
    def pause_acks(self) -> Iterator[None]:
        """Let messages be acknowledged only after the block."""
        self._ack_gate.clear()
        try:
            yield
        finally:
            self._ack_gate.set()

    async def until_full_or_quiet(self, queue: str, seconds: float) -> None:
        """Wait until nothing of *queue* is on its way to us; acks have to be paused.

        What is on its way to a consumer when that is cancelled, a quorum queue takes back and counts as
        delivered (rabbitmq-server, pull request 3746). To a full one, nothing is on its way. A queue that
        becomes neither full nor quiet in so many *seconds* is best left right after it has sent something:
        RabbitMQ delivers round-robin, so the next message is for another worker. All of it takes a second
        longer than *seconds* at most.
        """
        consumers = [each for each in self._consumers if each.queue == queue]
        await asyncio.gather(*[each.full_or_quiet(seconds) for each in consumers])

    async def drain(self, seconds: float) -> int:
        """Wait until no message is in flight, or the time is over; return how many are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()
        return self._count
