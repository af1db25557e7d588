"""Events of the fake, as `client.events` gives them."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from profile_contracts.event_feed import EventFeed, OnGap
from profile_contracts.events import Event


@dataclass(slots=True)
class FakeQueue:
    """Events that wait for those who consume the queue."""

    keys: set[str]
    waiting: deque[Event[Any]] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: Event[Any]) -> None:
        """Take *event*, if the queue is bound to it."""
        if any(_is_bound(each, event.type) for each in self.keys):
            self.waiting.append(event)
            self.arrived.set()

    def put_back(self, event: Event[Any]) -> None:
        """Let *event* be the next one again."""
        self.waiting.appendleft(event)
        self.arrived.set()


@dataclass(slots=True)
class FakeExchange:
    """All queues, by name."""

    queues: dict[str, FakeQueue] = field(default_factory=dict)

    def publish(self, event: Event[Any]) -> None:
        """Put *event* into the queues that are bound to it."""
        for each in self.queues.values():
            each.put(event)


class FakeFeed(EventFeed):
    """Gives events as `EventSubscriber` does: acknowledged when the body of the loop is done with them."""

    def __init__(
        self, exchange: FakeExchange, keys: Sequence[str], name: str | None, on_gap: OnGap | None
    ) -> None:
        self._exchange = exchange
        self._keys = keys
        self._name = name or f"fake.{id(self)}"
        self._is_durable = name is not None
        self._on_gap = on_gap
        self._queue: FakeQueue | None = None
        self._current: Event[Any] | None = None
        self._is_connected = asyncio.Event()
        self._is_closed = False
        self._gap_is_open = False
        self.gaps = 0
        self.passed_over = 0

    @property
    def connected(self) -> bool:
        """Whether a loop runs."""
        return self._is_connected.is_set()

    async def wait_connected(self) -> None:
        """Wait until one does: for ever, if no loop begins, so set a limit."""
        await self._is_connected.wait()

    async def __aenter__(self) -> Self:
        """Return the feed. Its queue is made when the loop begins."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Acknowledge the event that the loop was left with, unless an exception left it; end."""
        if kind is None:
            self._current = None
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Event[Any]]:
        """Yield events, until the feed or the client is closed."""
        queue = await self._opened()
        try:
            while (event := await self._next(queue)) is not None:
                self._current = event
                yield event
                self._current = None
        finally:
            self._is_connected.clear()
            self._put_back(queue)

    async def close(self) -> None:
        """End the loop."""
        self._is_closed = True
        if self._queue:
            self._put_back(self._queue)
            self._queue.arrived.set()

    async def _opened(self) -> FakeQueue:
        queue = self._exchange.queues.get(self._name)
        if queue is None:
            queue = self._exchange.queues[self._name] = FakeQueue(set())
            self.gaps += 1
            self._gap_is_open = True
        queue.keys.update(self._keys)
        self._queue = queue
        if self._gap_is_open and self._on_gap:
            await self._on_gap()
        self._gap_is_open = False
        self._is_connected.set()
        return queue

    async def _next(self, queue: FakeQueue) -> Event[Any] | None:
        while not self._is_closed:
            if queue.waiting:
                return queue.waiting.popleft()
            queue.arrived.clear()
            await queue.arrived.wait()  # as long as nothing happens, and the feed is not closed
        return None

    def _put_back(self, queue: FakeQueue) -> None:
        event, self._current = self._current, None
        if event is not None:
            queue.put_back(event)
        if not self._is_durable:
            self._exchange.queues.pop(self._name, None)


def _is_bound(key: str, event_type: str) -> bool:
    """Return whether a topic exchange routes *event_type* to a binding with *key*."""
    words = re.escape(key).replace(r"\*", r"[^.]+").replace(r"\#", ".*")
    return re.fullmatch(words.replace(r"\..*", r"(\..*)?"), event_type) is not None
