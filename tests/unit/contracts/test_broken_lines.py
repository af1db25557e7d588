"""What the client makes of a line that ends at the worst moment. aiormq is the real one."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError, DeliveryError
from aiormq import connection
from pamqp.commands import Basic
from pamqp.heartbeat import Heartbeat

from profile_contracts.client import EventSubscriber, ProfileClient
from profile_contracts.client.connection import lost_connection
from profile_contracts.client.replies import ReplyMode
from profile_contracts.errors import Disconnected, NotSent
from tests.unit.contracts.broker_in_memory import Answer, BrokerInMemory, Line, as_usual, hang_up, is_missing

URL = "amqp://gateway:gateway@memory/"
PROFILE = "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"


class BugInAiormq(Exception):
    pass


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> BrokerInMemory:
    made = BrokerInMemory()
    # The one in use: a worker in this process may have put its own in its place.
    monkeypatch.setattr(connection.TCPTransportFactory, "create", made.connect)
    return made


@pytest.mark.parametrize(
    "said",
    [
        AMQPConnectionError(),
        ChannelInvalidStateError("1 closed"),
        ConnectionResetError(),
        StopAsyncIteration(),
        Exception(),
        RuntimeError('<Connection: "amqp://memory" at 0x02> closed'),
    ],
    ids=lambda said: type(said).__name__,
)
@pytest.mark.parametrize("sent", [True, False])
def test_whatever_aiormq_says_of_a_lost_connection_is_disconnected(said: Exception, *, sent: bool) -> None:
    with pytest.raises(Disconnected) as lost, lost_connection(sent=sent):
        raise said

    assert lost.value.sent is sent
    assert lost.value.__cause__ is said


@pytest.mark.parametrize(
    "said",
    [
        NotSent("The client is closed."),
        Disconnected("Another one.", sent=False),
        DeliveryError(None, Basic.Nack()),
        BugInAiormq(),
        RuntimeError("Getter is None"),
        ValueError("no lost connection: closed"),
    ],
    ids=lambda said: type(said).__name__,
)
def test_what_is_no_lost_connection_is_raised_as_it_is(said: Exception) -> None:
    with pytest.raises(type(said)) as raised, lost_connection(sent=True):
        raise said

    assert raised.value is said


def end_behind_a_frame(line: Line, _channel: int, _said: Any) -> None:
    """Let all come at once: what is read next, and that nothing follows."""
    line.say(0, Heartbeat())
    line.close()


async def test_a_call_whose_line_ends_right_behind_a_frame_is_disconnected(broker: BrokerInMemory) -> None:
    broker.otherwise["ContentBody"] = deque([end_behind_a_frame])
    async with ProfileClient(URL, retry=False) as client:
        with pytest.raises(Disconnected) as lost:
            await client.keys()

    assert lost.value.sent


async def test_a_line_that_ends_right_behind_a_frame_while_the_client_connects_is_disconnected(
    broker: BrokerInMemory,
) -> None:
    broker.otherwise["Basic.Consume"] = deque([end_behind_a_frame])
    with pytest.raises(Disconnected) as lost:
        async with ProfileClient(URL):
            pass

    assert lost.value.sent is False


@pytest.mark.parametrize("replies", ["direct", "queue"])
async def test_a_call_that_is_not_confirmed_when_the_client_closes_is_disconnected(
    broker: BrokerInMemory, replies: ReplyMode
) -> None:
    has_come = asyncio.Event()
    broker.otherwise["ContentBody"] = deque([lambda *_: has_come.set()])
    async with ProfileClient(URL, replies=replies) as client:
        call = asyncio.create_task(client.keys())
        await has_come.wait()
    with pytest.raises(Disconnected) as lost:
        await call

    assert lost.value.sent


def delivering(*ids: str, ends: bool) -> Answer:
    """Return what lets a client consume, and delivers events to it; if it *ends*, nothing follows."""

    def answer(line: Line, channel: int, said: Any) -> None:
        as_usual(line, channel, said)
        line.deliver(channel, said.consumer_tag, "profile.updated", *map(an_event, ids))
        if ends:
            line.close()

    return answer


def an_event(name: str) -> bytes:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "/profile-service",
        "type": "profile.updated",
        "subject": PROFILE,
        "time": "2026-11-26T12:00:00.000Z",
        "datacontenttype": "application/json",
        "data": {"id": PROFILE, "version": 2, "changed": ["last_name"]},
    }
    return json.dumps(event).encode()


async def test_a_feed_goes_on_after_a_line_that_ended_right_behind_its_events(broker: BrokerInMemory) -> None:
    ids = [str(each) for each in range(20)]
    broker.otherwise["Basic.Consume"] = deque([delivering(*ids, ends=True), delivering("last", ends=False)])
    got = []
    async with asyncio.timeout(10), ProfileClient(URL).events("profile.*", queue="gateway.x") as events:
        async for event in events:
            got.append(event.id)
            if event.id == "last":
                break

    assert got[-1] == "last"
    assert got[:-1] == ids[: len(got) - 1]


@asynccontextmanager
async def listening(events: EventSubscriber) -> AsyncIterator[None]:
    """Run a loop, once it has connected, until the end of the block."""

    async def loop() -> None:
        async for _ in events:
            pass

    task = asyncio.create_task(loop())
    async with asyncio.timeout(10):
        await events.wait_connected()
        yield
        await events.close()
        await task


@pytest.mark.parametrize(
    "otherwise",
    [
        {"Queue.Declare": [is_missing], "Queue.Bind": [is_missing]},
        {"Queue.Declare": [is_missing], "Queue.Bind": [hang_up]},
        {"Queue.Declare": [is_missing, hang_up]},  # the queue is made, and nobody hears so
        {"Queue.Declare": [is_missing], "Basic.Consume": [hang_up]},
    ],
    ids=["no-exchange", "cut-before-it-is-bound", "cut-while-it-is-made", "cut-before-it-is-consumed"],
)
async def test_a_gap_is_told_once_though_the_attempt_that_made_the_queue_failed(
    broker: BrokerInMemory, otherwise: dict[str, list[Answer]]
) -> None:
    broker.otherwise = {name: deque(each) for name, each in otherwise.items()}
    told = []

    async def on_gap() -> None:
        told.append(events.gaps)

    events = ProfileClient(URL).events("profile.*", queue="gateway.x", on_gap=on_gap)
    async with listening(events):
        assert not any(broker.otherwise.values())

    assert told == [1]
    assert events.gaps == 1


async def test_queues_that_went_with_failed_attempts_are_one_gap(broker: BrokerInMemory) -> None:
    broker.otherwise["Queue.Bind"] = deque([is_missing, hang_up])
    events = ProfileClient(URL).events("profile.*")
    async with listening(events):
        assert not broker.otherwise["Queue.Bind"]

    assert events.gaps == 1
