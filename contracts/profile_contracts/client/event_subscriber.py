"""Events as they arrive, once each, for as long as the client is open."""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from aio_pika.abc import AbstractIncomingMessage
from yarl import URL

from profile_contracts.client.connection import lost_connection
from profile_contracts.client.event_channel import EventChannel
from profile_contracts.client.first_connection import ending_with, first_connection
from profile_contracts.errors import Disconnected
from profile_contracts.event_feed import REMEMBERED, OnGap
from profile_contracts.events import Event, read_event

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_ACK_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 2.0
# Between two looks at a queue that gives nothing.
_LOOK_SECONDS: Final = 30.0
# At so many looks in a row it has to hold messages; at twice as many each time that to connect anew was of no
# help, for another consumer may be the only active one.
_FIRST_LOOKS: Final = 2
_MOST_LOOKS: Final = 20
_log = logging.getLogger("profile_contracts.events")


class EventSubscriber:
    """Gives events, one after the other: `async for event in client.events("profile.*", queue="gateway.x")`.

    - An event is acknowledged when the loop asks for the next one. If its body raises, or the loop ends by
      `break`, it goes back to its queue, and comes again. Inside `async with`, `break` acknowledges it.
    - One that comes twice is given once, if its id is among the last that were acknowledged here.
    - A lost connection is made again by itself, two seconds after the broker is back at the latest. So is one
      over which a queue gives nothing for a minute or more that holds messages: RabbitMQ before 4.2 may
      lose an acknowledgement when a node of a cluster is cut off (rabbitmq-server #14589, #15473).
    - Events of a type that this version does not know are acknowledged and passed over.
    - The loop ends when the client is closed.

    Args:
        urls: The broker, or several nodes of it. One that takes more than half a second to let us in has the
            next one tried beside it.
        keys: Routing keys: types of events, or patterns like `profile.*`.
        queue: A durable queue, made if it isn't there; its name begins as the broker user may name queues.
            Several processes share its events. Without one, each process gets all events that are
            published while it is connected, and no others.
        connect_timeout: How long connecting to one address may take, in seconds.
        remember: How many ids of acknowledged events are kept.
        on_gap: Called when events may have been missed, before any that come after that; again, if it
            raises, by the next loop.

    Attributes:
        gaps: How many times events may have been missed: the queue was not there. That is so at the first
            connection, too, and after each one that was lost if there is no durable queue.
        passed_over: How many events of unknown types or forms there were.

    Raises:
        QueueRefused: The user may not have that queue.

    """

    def __init__(
        self,
        urls: Sequence[URL],
        keys: Sequence[str],
        *,
        queue: str | None = None,
        connect_timeout: float = 5.0,
        remember: int = REMEMBERED,
        on_gap: OnGap | None = None,
    ) -> None:
        self._urls = urls
        self._keys = keys
        self._queue = queue
        self._connect_timeout = connect_timeout
        self._remember = remember
        self._on_gap = on_gap
        self._gap_is_open = False
        self._looks = _FIRST_LOOKS
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._current: tuple[str, AbstractIncomingMessage] | None = None
        self._channel: EventChannel | None = None
        self._one_loop = asyncio.Lock()
        self._connecting: asyncio.Timeout | None = None
        self._closing = asyncio.Event()
        self._is_connected = asyncio.Event()
        self.gaps = 0
        self.passed_over = 0

    @property
    def connected(self) -> bool:
        """Whether events arrive now. A line that has gone silent is noticed after four heartbeats."""
        return self._channel is not None and self._channel.is_open

    async def wait_connected(self) -> None:
        """Wait until the loop has connected: for ever, if the broker stays away, so set a limit."""
        await self._is_connected.wait()

    async def __aenter__(self) -> Self:
        """Return the subscriber. It connects when the loop begins."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Acknowledge the event that the loop was left with, unless an exception left it; disconnect."""
        if kind is None:
            await self._acknowledge_current()
        await self.close()

    async def __aiter__(self) -> AsyncGenerator[Event[Any], None]:
        """Yield events. One loop at a time: another one waits until this one has ended."""
        async with self._one_loop:
            while channel := await self._opened():
                self._channel = channel
                self._is_connected.set()
                try:
                    while not self._closing.is_set() and (event := await self._next(channel)):
                        yield event
                        await self._acknowledge_current()
                finally:
                    await self._put_back(channel)
                await self._pause(_FIRST_PAUSE_SECONDS)

    async def close(self) -> None:
        """End the loop, within a few seconds; the event that it is at may be acknowledged until then."""
        self._closing.set()
        if self._connecting and not self._connecting.expired():
            self._connecting.reschedule(asyncio.get_running_loop().time())
        if self._channel:
            self._channel.give_up()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS), self._one_loop:
                return
        if self._channel:
            await self._channel.close()

    async def _opened(self) -> EventChannel | None:
        """Return a channel on which events arrive, once there is one; nothing if the client is closed."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                return await self._consuming(await self._bound())
            except Disconnected as failure:
                if not self._closing.is_set():
                    _log.warning("No events arrive: %s", failure)
            await self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return None

    async def _bound(self) -> EventChannel:
        """Connect, and return a channel whose queue gets the events; `close` ends that."""
        try:
            async with asyncio.timeout(None) as self._connecting:
                connected = await first_connection(self._urls, self._connect_timeout)
                self._urls = ending_with(connected.url, self._urls)  # another one comes first the next time
                name = self._queue or f"{connected.url.user}.events.{uuid4().hex}"
                async with self._in_time(connected.deadline):
                    return await EventChannel.open(
                        connected.connection,
                        self._keys,
                        name,
                        durable=self._queue is not None,
                        on_missing=self._note_gap,
                    )
        except TimeoutError:
            raise Disconnected("The client was closed.", sent=False) from None
        finally:
            self._connecting = None

    async def _consuming(self, channel: EventChannel) -> EventChannel:
        try:
            await self._close_gap()
            async with self._in_time(asyncio.get_running_loop().time() + self._connect_timeout):
                await channel.consume()
        except BaseException:  # a cancellation, too, must leave no connection open
            await channel.close()
            raise
        return channel

    def _note_gap(self) -> None:
        """Remember that events may have been missed, until that is told: more than one attempt may take."""
        self.gaps += not self._gap_is_open
        self._gap_is_open = True

    async def _close_gap(self) -> None:
        """Tell of a gap before anything that comes after it, unless nothing will."""
        if self._closing.is_set():
            return
        if self._gap_is_open and self._on_gap:
            await self._on_gap()
        self._gap_is_open = False

    async def _next(self, channel: EventChannel) -> Event[Any] | None:
        """Return the next event that is new and known, or nothing if no more arrive on *channel*."""
        while (message := await self._arrival(channel)) and channel.is_open:
            self._looks = _FIRST_LOOKS
            event = _read(message)
            if event and event.id not in self._seen:
                self._current = event.id, message
                return event
            self.passed_over += event is None
            await _acknowledge(message)
        return None

    async def _arrival(self, channel: EventChannel) -> AbstractIncomingMessage | None:
        """Return the next message, or nothing if no more arrive on *channel*."""
        if not channel.arrived.empty():
            return channel.arrived.get_nowait()
        arriving = asyncio.create_task(channel.arrived.get())
        try:
            if await self._arrives(arriving, channel):
                return arriving.result()
        finally:
            arriving.cancel()
        _log.warning("The queue holds events and gives none: connecting anew")
        self._looks = min(2 * self._looks, _MOST_LOOKS)
        return None

    async def _arrives(self, arriving: asyncio.Task[Any], channel: EventChannel) -> bool:
        """Wait for *arriving*, and return whether it is done; if not, the queue keeps messages back."""
        held = 0
        while held < self._looks:
            await asyncio.wait([arriving], timeout=_LOOK_SECONDS)
            if not arriving.done():
                look = asyncio.create_task(channel.count())
                try:
                    await asyncio.wait([arriving, look], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    look.cancel()
            if arriving.done():
                return True
            count = look.result()
            held = held + 1 if count else 0 if count == 0 else held
        return False

    async def _acknowledge_current(self) -> None:
        if not self._current:
            return
        (name, message), self._current = self._current, None
        self._seen[name] = None
        while len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        await _acknowledge(message)

    async def _put_back(self, channel: EventChannel) -> None:
        self._current = self._channel = None
        self._is_connected.clear()
        await channel.close()

    async def _pause(self, seconds: float) -> None:
        """Wait, unless the client is closed meanwhile; not all who wait for one broker come at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(seconds / 2, seconds)):  # noqa: S311
                await self._closing.wait()

    @asynccontextmanager
    async def _in_time(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline):
                yield
        except TimeoutError:
            message = f"The broker did not let us in within {self._connect_timeout:g} s."
            raise Disconnected(message, sent=False) from None


def _read(message: AbstractIncomingMessage) -> Event[Any] | None:
    """Return the event in *message*, or nothing if this version of the contract does not know it."""
    event = read_event(message.routing_key, message.body)
    if event is None:
        _log.warning("Passed over an event with the routing key %r.", message.routing_key)
    return event


async def _acknowledge(message: AbstractIncomingMessage) -> None:
    """Tell the broker; if it is away, the message comes again."""
    with suppress(Disconnected), lost_connection(sent=True):
        async with asyncio.timeout(_ACK_SECONDS):
            await message.ack()
