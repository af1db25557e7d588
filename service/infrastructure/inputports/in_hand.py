"""The messages that this worker is working on, so that it can finish them before it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

# A queue that has sent nothing for so long is quiet.
_QUIET_SECONDS: Final = 1.0

Serve = Callable[[AbstractIncomingMessage], Awaitable[None]]


class _Hand:
    """The messages of one queue: no more than its prefetch."""

    def __init__(self, prefetch: int) -> None:
        self._prefetch = prefetch
        self._count = 0
        self._came_at = -_QUIET_SECONDS
        self._came = asyncio.Event()

    def take(self) -> None:
        self._count += 1
        self._came_at = asyncio.get_running_loop().time()
        self._came.set()

    def drop(self) -> None:
        self._count -= 1

    async def full_or_quiet(self) -> None:
        """Wait until the broker sends no more for now."""
        while self._count < self._prefetch:
            self._came.clear()
            try:
                async with asyncio.timeout_at(self._came_at + _QUIET_SECONDS):
                    await self._came.wait()
            except TimeoutError:
                return


class InHand:
    """Counts messages from when they came until they are acknowledged, or lost with their channel."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self._hands: list[_Hand] = []
        self._may_ack = asyncio.Event()
        self._may_ack.set()

    def counting(self, serve: Serve, prefetch: int = 0) -> Serve:
        """Return *serve*, with its messages counted; they come from one queue."""
        hand = _Hand(prefetch)
        self._hands.append(hand)

        async def counted(message: AbstractIncomingMessage) -> None:
            self._count += 1
            self._none.clear()
            hand.take()
            try:
                await serve(message)
            finally:
                hand.drop()
                self._count -= 1
                if self._count == 0:
                    self._none.set()

        return counted

    async def may_ack(self) -> None:
        """Wait until messages may be acknowledged, which is at once, but for the beginning of the end."""
        await self._may_ack.wait()

    @asynccontextmanager
    async def filled(self, seconds: float) -> AsyncIterator[None]:
        """Acknowledge nothing before the end of the block; begin it when nothing is on its way to us.

        What is on its way to a consumer when that is cancelled, a quorum queue takes back and counts as
        delivered (rabbitmq-server, pull request 3746). To a full hand, nothing is on its way.
        """
        self._may_ack.clear()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for each in self._hands:
                        await each.full_or_quiet()
            yield
        finally:
            self._may_ack.set()

    async def finished(self, seconds: float) -> int:
        """Wait until no message is in hand, or the time is over; return how many are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()
        return self._count
