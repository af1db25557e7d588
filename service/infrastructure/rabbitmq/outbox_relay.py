"""Publishes what the outbox holds: soon after each write, and again for what a crash has left.

Events of one aggregate are published one after the other, from the first that is in its document: so whoever
publishes one knows that the broker has all before it. Two workers may publish the same event; none skips one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

import structlog
from aio_pika import Message
from aio_pika.exceptions import DeliveryError

from service.app.clock import Clock
from service.app.outbox import Kind, Outbox, PendingEvents
from service.domain.errors import Unavailable
from service.domain.events import Event, EventType
from service.infrastructure.rabbitmq.events import to_message
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.publishing import BrokerChoked
from service.pkg.background import Background, is_cancelled

_NAME: Final = "relay"
# What has waited so long was left by a worker that died, or by a broker that was away.
STALE_AFTER: Final = timedelta(seconds=2)
# How often to look for it.
SWEEP: Final = timedelta(seconds=1)
_BATCH: Final = 200
# What comes meanwhile is published together: reading and clearing an outbox costs more than publishing.
_PAUSE_SECONDS: Final = 0.05
# Events of this worker that may wait before its commands do.
_CAPACITY: Final = 1000
# Of what one command has done to many aggregates, so many go with each batch, and so many are remembered.
_FAN_OUT_BATCH: Final = 100
_MOST_OF_FAN_OUTS: Final = 10_000
# For so long, events are kept that somebody else's queue refuses.
_KEPT_FOR_REFUSING: Final = timedelta(minutes=1)
# If none of a type was refused for so long, another worker has published it, and the next refusal begins a
# minute of its own.
_ANOTHER_REFUSAL: Final = timedelta(seconds=10)

_log = structlog.get_logger("profile.relay")


class UnreadableEvent(Exception):
    """The outbox holds an event of a kind that this version of the service does not know."""


class Relay:
    """Publishes events with confirms, and takes them out of the outbox once the broker has them.

    Args:
        needed: The events that our own queues need. The broker must have a queue for each of those;
            of others there need be none.
        background: Keeps the relay going, and counts the events that it has to skip.

    Attributes:
        refused: The type of a needed event that no queue took, until one is taken again.

    """

    def __init__(
        self,
        outbox: Outbox,
        publisher: RabbitPublisher,
        clock: Clock,
        needed: frozenset[EventType],
        background: Background,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._needed = needed
        self._background = background
        self._notified: Counter[tuple[Kind, UUID]] = Counter()
        self._fan_outs: dict[tuple[Kind, UUID], None] = {}
        self._has_work = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._has_capacity.set()
        self._refusals: dict[EventType, tuple[datetime, datetime]] = {}
        self._lost: set[EventType] = set()
        self.refused: str | None = None

    def notify(self, kind: Kind, *subjects: UUID) -> None:
        """Say that events of *subjects* have just been stored.

        Those of many at once hold up nobody else's: they come beside the others, and no command waits for
        them. A sweep finds what is too many to be remembered.
        """
        self._has_work.set()
        if len(subjects) > 1:
            capacity = _MOST_OF_FAN_OUTS - len(self._fan_outs)
            self._fan_outs.update(((kind, each), None) for each in subjects[:capacity])
            return
        self._notified.update((kind, each) for each in subjects)
        if self._notified.total() >= _CAPACITY:
            self._has_capacity.clear()

    async def wait_capacity(self) -> None:
        """Wait until not too many events are pending; commands do, before they make more.

        There is no limit: what waits is not acknowledged, and keeps the worker from taking more. It ends with
        the broker's alarm or absence; whatever comes of an event, the relay has done with it then.
        """
        await self._has_capacity.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish events inside the block; at its end, publish those that this worker has just stored."""
        try:
            async with self._background.running(_NAME, self._run):
                yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(STALE_AFTER.total_seconds()):
                    while self._notified:
                        await self._publish_notified()

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        next_sweep = now()
        while not is_cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_sweep):
                    await self._has_work.wait()
            await self._publish_notified()
            if now() >= next_sweep:
                # What has just been stored has its turn between two batches of what was left.
                next_sweep = now() if await self._sweep() else now() + SWEEP.total_seconds()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _publish_notified(self) -> None:
        self._has_work.clear()
        taken = dict(self._notified.most_common(_BATCH))
        beside = list(islice(self._fan_outs, _FAN_OUT_BATCH))
        await self._publish([*taken, *beside])
        self._notified -= Counter(taken)
        for each in beside:
            del self._fan_outs[each]
        if self._notified or self._fan_outs:
            self._has_work.set()
        if self._notified.total() < _CAPACITY:
            self._has_capacity.set()

    async def _sweep(self) -> bool:
        """Publish a batch of what was left; return whether there is more of it, and there is getting on."""
        try:
            stale = await self._outbox.find_stale(self._clock.now() - STALE_AFTER, _BATCH)
            return await self._publish(stale) and len(stale) >= _BATCH
        except Unavailable:
            _log.warning("outbox unavailable")
            return False

    async def _publish(self, subjects: Sequence[tuple[Kind, UUID]]) -> bool:
        """Publish what is pending in *subjects*; return whether all of it is published."""
        done = True
        for kind in {kind for kind, _ in subjects}:
            try:
                found = await self._outbox.load_pending(
                    kind, [name for each, name in subjects if each is kind]
                )
                published = await asyncio.gather(*map(self._publish_in_order, found))
                await self._outbox.mark_published([each for each in published if each.events])
                await self._outbox.hold([each for each in published if each.unreadable])
                done &= all(map(_is_done, published, found))
            except Unavailable:  # a later sweep finds them
                _log.warning("outbox unavailable")
                done = False
        return done

    async def _publish_in_order(self, pending: PendingEvents) -> PendingEvents:
        """Return what of *pending* the broker has now, and what of it can't be published.

        What this version can't read is left to one that can, and does not hold up what comes after it.
        """
        published: list[Event] = []
        unreadable = [*pending.unreadable]
        for _ in pending.unreadable:
            self._background.skip(
                _NAME, UnreadableEvent(), kind=pending.kind.name, subject=str(pending.subject)
            )
        for event in pending.events:
            message = None
            with self._background.skipping(_NAME, kind=pending.kind.name, subject=str(pending.subject)):
                message = to_message(event)
            if message is None:
                unreadable.append(event)
            elif await self._is_published(event, message):
                published.append(event)
            else:
                break
        return replace(pending, events=published, unreadable=unreadable)

    async def _is_published(self, event: Event, message: Message) -> bool:
        needed = event.type in self._needed
        try:
            await self._publisher.publish_event(message, event.type.value, needed=needed)
        except BrokerChoked:  # it stays in its outbox, where operators find it
            return False
        except DeliveryError as error:
            if not needed:
                return self._is_lost(event.type)
            if self.refused is None:
                _log.error("event not taken", type=event.type.value, error_type=type(error).__name__)
            self.refused = event.type.value
            return False
        self._refusals.pop(event.type, None)
        self._lost.discard(event.type)
        if needed and self.refused:
            _log.warning("events taken again", type=event.type.value)
            self.refused = None
        return True

    def _is_lost(self, kind: EventType) -> bool:
        """Return whether a queue has refused events of a type for so long that they are not kept for it.

        It may have no leader for a moment, as when a cluster has lost a node: then they come later, and to
        other queues perhaps twice. Or it is full, and that is for its owner to see to.
        """
        now = self._clock.now()
        since, last = self._refusals.get(kind, (now, now))
        if now - last > _ANOTHER_REFUSAL:
            since = now
        self._refusals[kind] = since, now
        if now - since < _KEPT_FOR_REFUSING:
            return False
        if kind not in self._lost:
            self._lost.add(kind)
            _log.error("events lost: a queue that is bound takes none", type=kind.value)
        return True


def _is_done(published: PendingEvents, found: PendingEvents) -> bool:
    return len(published.events) + len(published.unreadable) == len(found.events) + len(found.unreadable)
