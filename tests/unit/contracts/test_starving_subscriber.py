"""A subscriber that gets nothing from a queue that holds messages connects anew. aiormq is the real one.

`tests/faults/test_stuck_channels.py` shows it on a broker.
"""

import asyncio
from collections import deque
from typing import Any

import pytest
from aiormq import connection
from pamqp.commands import Queue

from profile_contracts.client import EventSubscriber, ProfileClient, event_channel, event_subscriber
from tests.unit.contracts.broker_in_memory import BrokerInMemory, Line, as_usual
from tests.unit.contracts.test_broken_lines import URL, an_event, delivering


class Broker(BrokerInMemory):
    """One whose queue holds so many messages at the next looks."""

    def __init__(self, *held: int) -> None:
        super().__init__()
        self.held = deque(held)
        self.looks = list[int]()
        self.is_looked_at = asyncio.Event()

    async def connect(self, *_: object, **__: object) -> tuple[asyncio.StreamReader, Line]:
        self.looks.append(-1)  # the first question is whether there is the queue
        self.otherwise["Queue.Declare"] = deque([self.tell] * 100)
        return await super().connect()

    def tell(self, line: Line, channel: int, said: Any) -> None:
        """Say how many messages wait."""
        self.looks[-1] += 1
        if self.looks[-1]:
            self.is_looked_at.set()
        held = self.held.popleft() if self.looks[-1] and self.held else 0
        line.say(channel, Queue.DeclareOk(said.queue, held, 1))


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LOOK_SECONDS", "_FIRST_PAUSE_SECONDS"):
        monkeypatch.setattr(event_subscriber, name, 0.001)


def subscribed(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> EventSubscriber:
    monkeypatch.setattr(connection.TCPTransportFactory, "create", broker.connect)
    return ProfileClient(URL).events("profile.*", queue="gateway.x")


async def first(events: EventSubscriber) -> str:
    """Return the id of the first event, and end."""
    async with asyncio.timeout(30), events:
        async for event in events:
            return event.id
    raise AssertionError


async def test_where_messages_wait_at_two_looks_in_a_row_it_connects_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker(1, 1)
    broker.otherwise["Basic.Consume"] = deque([as_usual, delivering("1", ends=False)])

    assert await first(subscribed(broker, monkeypatch)) == "1"
    assert broker.looks == [2, 0]


async def test_each_time_in_vain_it_waits_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(*[1] * 70)
    broker.otherwise["Basic.Consume"] = deque([*[as_usual] * 6, delivering("1", ends=False)])

    assert await first(subscribed(broker, monkeypatch)) == "1"
    assert broker.looks == [2, 4, 8, 16, 20, 20, 0]


async def test_what_is_there_at_one_look_and_gone_at_the_next_is_somebody_elses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker(1, 0, 1, 0, 1, 1)
    broker.otherwise["Basic.Consume"] = deque([as_usual, delivering("1", ends=False)])

    assert await first(subscribed(broker, monkeypatch)) == "1"
    assert broker.looks == [6, 0]


async def test_an_event_that_comes_during_a_look_does_not_wait_for_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker()
    consumers = list[str]()

    def consume(line: Line, channel: int, said: Any) -> None:
        consumers.append(said.consumer_tag)
        as_usual(line, channel, said)

    def deliver(line: Line, _channel: int, _look: Any) -> None:
        line.deliver(1, consumers[0], "profile.updated", an_event("1"))

    broker.otherwise["Basic.Consume"] = deque([consume])
    monkeypatch.setattr(event_channel, "_COUNT_SECONDS", 3600.0)
    monkeypatch.setattr(broker, "tell", lambda *look: deliver(*look) if consumers else as_usual(*look))

    assert await first(subscribed(broker, monkeypatch)) == "1"


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_whoever_is_cancelled_during_a_look_ends(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """In some turns of closing a channel, aiormq swallows it."""
    broker = Broker()
    listening = asyncio.create_task(first(subscribed(broker, monkeypatch)))
    async with asyncio.timeout(30):
        await broker.is_looked_at.wait()
    for _ in range(turns):
        await asyncio.sleep(0)
    listening.cancel()
    await asyncio.wait([listening], timeout=30)

    assert listening.cancelled()
