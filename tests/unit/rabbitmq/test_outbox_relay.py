"""Whose events are published when: what one command does to many holds up nobody else."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aio_pika import Message
from aio_pika.exceptions import DeliveryError
from pamqp.commands import Basic

from service.app.outbox import Kind, Outbox, PendingEvents
from service.domain.events import Event
from service.domain.session_events import revoked
from service.infrastructure.rabbitmq import outbox_relay
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.pkg.background import Background
from tests.builders import NOON
from tests.fakes.clock import FakeClock


class FakeOutbox(Outbox):
    """Holds events of sessions and profiles; those that are not told about are stale."""

    def __init__(self) -> None:
        self.pending: dict[tuple[Kind, UUID], Event] = {}
        self.stale: list[tuple[Kind, UUID]] = []
        self.published = asyncio.Condition()

    def store(self, kind: Kind, *subjects: UUID) -> None:
        for each in subjects:
            self.pending[kind, each] = revoked(each, uuid4(), "logout", NOON)

    async def find_stale(self, since: datetime, limit: int) -> Sequence[tuple[Kind, UUID]]:  # noqa: ARG002 - all are
        return [each for each in self.stale if each in self.pending][:limit]

    async def load_pending(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[PendingEvents]:
        found = [each for each in subjects if (kind, each) in self.pending]
        return [PendingEvents(kind, each, [self.pending[kind, each]]) for each in found]

    async def mark_published(self, published: Sequence[PendingEvents]) -> None:
        async with self.published:
            for each in published:
                del self.pending[each.kind, each.subject]
            self.published.notify_all()

    async def hold(self, held: Sequence[PendingEvents]) -> None:
        assert not held

    async def is_empty(self) -> None:
        """Wait until nothing is pending."""
        async with asyncio.timeout(20), self.published:
            await self.published.wait_for(lambda: not self.pending)


class Published:
    """Takes every event; knows whose came when."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self._came = asyncio.Condition()

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:  # noqa: ARG002
        async with self._came:
            self.subjects.append(str(event.message_id).split("/")[1])
            self._came.notify_all()

    async def until(self, *subjects: UUID) -> int:
        """Wait for events of *subjects*; return how many were published up to the last of them."""
        wanted = set(map(str, subjects))
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: wanted <= set(self.subjects))
        return max(map(self.subjects.index, wanted)) + 1


class Refused(Published):
    """Refuses events while it is told to, as a broker with a bound queue that is full or has no leader."""

    def __init__(self) -> None:
        super().__init__()
        self.is_refusing = True
        self.refusals = 0

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:
        if self.is_refusing:
            async with self._came:
                self.refusals += 1
                self._came.notify_all()
            raise DeliveryError(None, Basic.Nack())
        await super().publish_event(event, routing_key, needed=needed)

    async def refuses_again(self) -> None:
        """Wait until one more event was refused."""
        before = self.refusals
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: self.refusals > before)


@pytest.fixture
def outbox() -> FakeOutbox:
    return FakeOutbox()


@pytest.fixture
def _sweeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it look for what is left without a pause."""
    monkeypatch.setattr(outbox_relay, "SWEEP", timedelta(0))


@pytest.fixture
def publisher() -> Published:
    return Published()


@pytest.fixture
def relay(outbox: FakeOutbox, publisher: Any) -> Relay:
    return a_relay(outbox, publisher, FakeClock())


def a_relay(outbox: FakeOutbox, publisher: Any, clock: FakeClock) -> Relay:
    return Relay(outbox, publisher, clock, frozenset(), Background(lambda _: None))


def relaying(outbox: FakeOutbox, publisher: Any, clock: FakeClock) -> AbstractAsyncContextManager[None]:
    return a_relay(outbox, publisher, clock).running()


async def test_an_event_is_not_published_after_a_thousand_of_one_command(
    relay: Relay, outbox: FakeOutbox, publisher: Published
) -> None:
    sessions, ada = [uuid4() for _ in range(1_500)], uuid4()
    outbox.store(Kind.SESSION, *sessions)
    relay.notify(Kind.SESSION, *sessions)
    outbox.store(Kind.PROFILE, ada)
    relay.notify(Kind.PROFILE, ada)
    async with relay.running():
        before = await publisher.until(ada)
        every = await publisher.until(*sessions)

    assert before <= 101
    assert every == len(publisher.subjects) == 1_501


async def test_what_was_left_does_not_hold_up_what_has_just_been_stored(
    relay: Relay, outbox: FakeOutbox, publisher: Published
) -> None:
    left, ada = [uuid4() for _ in range(1_500)], uuid4()
    outbox.store(Kind.SESSION, *left)
    outbox.stale = [(Kind.SESSION, each) for each in left]
    async with relay.running():
        await publisher.until(left[0])
        outbox.store(Kind.PROFILE, ada)
        relay.notify(Kind.PROFILE, ada)
        before = await publisher.until(ada)
        every = await publisher.until(*left)

    assert before <= 601
    assert every == len(publisher.subjects)


@pytest.mark.usefixtures("_sweeping")
async def test_what_a_queue_refuses_for_a_moment_comes_later(outbox: FakeOutbox) -> None:
    ada, publisher, clock = uuid4(), Refused(), FakeClock()
    outbox.store(Kind.PROFILE, ada)
    outbox.stale = [(Kind.PROFILE, ada)]
    async with relaying(outbox, publisher, clock):
        await publisher.refuses_again()
        for _ in range(59 // 5):
            clock.advance(seconds=5)
            await publisher.refuses_again()
        publisher.is_refusing = False
        await publisher.until(ada)
        await outbox.is_empty()

    assert publisher.subjects[0] == str(ada)


@pytest.mark.usefixtures("_sweeping")
async def test_a_queue_that_refuses_for_a_minute_loses_its_events_and_keeps_none_from_others(
    outbox: FakeOutbox, capsys: pytest.CaptureFixture[str]
) -> None:
    many, bea, publisher, clock = [uuid4() for _ in range(3)], uuid4(), Refused(), FakeClock()
    outbox.store(Kind.PROFILE, *many)
    outbox.stale = [(Kind.PROFILE, each) for each in (*many, bea)]
    async with relaying(outbox, publisher, clock):
        await publisher.refuses_again()
        for _ in range(60 // 5):
            clock.advance(seconds=5)
            await publisher.refuses_again()
        publisher.is_refusing = False
        outbox.store(Kind.PROFILE, bea)
        await publisher.until(bea)
        await outbox.is_empty()

    assert len(publisher.subjects) < 4
    assert capsys.readouterr().out.count("events lost") == 1


@pytest.mark.usefixtures("_sweeping")
async def test_what_another_worker_has_published_does_not_count_against_what_is_refused_later(
    outbox: FakeOutbox,
) -> None:
    ada, bea, publisher, clock = uuid4(), uuid4(), Refused(), FakeClock()
    outbox.stale = [(Kind.PROFILE, ada), (Kind.PROFILE, bea)]
    outbox.store(Kind.PROFILE, ada)
    async with relaying(outbox, publisher, clock):
        await publisher.refuses_again()
        del outbox.pending[Kind.PROFILE, ada]
        clock.advance(seconds=90)
        outbox.store(Kind.PROFILE, bea)
        await publisher.refuses_again()
        publisher.is_refusing = False
        await publisher.until(bea)
        await outbox.is_empty()

    assert publisher.subjects == [str(bea)]


async def test_commands_do_not_wait_for_the_fan_out_of_another(relay: Relay) -> None:
    relay.notify(Kind.SESSION, *(uuid4() for _ in range(20_000)))

    waiting = asyncio.create_task(relay.wait_capacity())
    await asyncio.sleep(0)

    assert waiting.done()


async def test_commands_wait_for_the_events_of_a_thousand_others(
    relay: Relay, outbox: FakeOutbox, publisher: Published
) -> None:
    subjects = [uuid4() for _ in range(1_000)]
    outbox.store(Kind.PROFILE, *subjects)
    for each in subjects:
        relay.notify(Kind.PROFILE, each)
    waiting = asyncio.create_task(relay.wait_capacity())
    await asyncio.sleep(0)
    assert not waiting.done()
    async with relay.running(), asyncio.timeout(20):
        await waiting

    assert set(publisher.subjects) >= set(map(str, subjects[:1]))
