"""The messages that this worker is working on, so that it can finish them before it ends."""

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika.abc import AbstractIncomingMessage

Serve = Callable[[AbstractIncomingMessage], Awaitable[None]]


class InHand:
    """Counts messages from when they came until they are acknowledged, or lost with their channel."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def counting(self, serve: Serve) -> Serve:
        """Return *serve*, with its messages counted."""

        async def counted(message: AbstractIncomingMessage) -> None:
            self._count += 1
            self._none.clear()
            try:
                await serve(message)
            finally:
                self._count -= 1
                if self._count == 0:
                    self._none.set()

        return counted

    async def finished(self, seconds: float, given_up: asyncio.Event) -> int:
        """Wait until no message is in hand, or the time is over, or it is *given_up*; return how many are."""
        ends = [asyncio.ensure_future(each.wait()) for each in (self._none, given_up)]
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in ends:
            each.cancel()
        return self._count
