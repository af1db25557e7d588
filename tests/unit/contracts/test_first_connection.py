"""A client that knows several nodes goes to the first that answers, and has no connection to the others.

The nodes are in memory, and tried in the order in which they are named.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest
from aio_pika.exceptions import AMQPConnectionError
from aiormq import connection
from pamqp.commands import Channel
from yarl import URL

from profile_contracts.client import ProfileClient, first_connection, rpc
from profile_contracts.client.event_subscriber import EventSubscriber
from profile_contracts.client.first_connection import first_connection as connect
from profile_contracts.client.replies import ReplyMode
from profile_contracts.errors import Disconnected, QueueRefused
from tests.unit.contracts.broker_in_memory import Answer, BrokerInMemory, Line, as_usual, hang_up

SOON, NEVER = 0.001, 60.0


class BugInAiormq(Exception):
    pass


def say_nothing(_line: Line, _channel: int, _said: Any) -> None:
    pass


def refuse(line: Line, channel: int, _: Any) -> None:
    line.say(channel, Channel.Close(403, "ACCESS_REFUSED", 0, 0))


@dataclass(slots=True)
class Nodes:
    """Brokers by the names of their hosts. Of a host without one, the name says why there is none.

    Attributes:
        tried: Whom clients have tried to connect to, in this order.
        lines: What they have opened, by host, in this order.

    """

    brokers: dict[str, BrokerInMemory] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    lines: list[tuple[str, Line]] = field(default_factory=list)

    async def connect(self, url: URL, **_: object) -> tuple[asyncio.StreamReader, Line]:
        """Return what a client reads from, and what it writes to."""
        host = str(url.host)
        self.tried.append(host)
        if host in self.errors:
            raise self.errors[host]
        reader, line = await self.brokers[host].connect()
        self.lines.append((host, line))
        return reader, line

    def add(self, host: str, **otherwise: Answer) -> str:
        """Return the address of a new node, which answers as usual but for these frames, at first."""
        answers = {name.replace("_", "."): deque([each]) for name, each in otherwise.items()}
        self.brokers[host] = BrokerInMemory(answers)
        return address_of(host)

    def add_broken(self, host: str, error: Exception) -> str:
        """Return the address of a node, connecting to which fails by *error*."""
        self.errors[host] = error
        return address_of(host)

    @property
    def opened(self) -> list[str]:
        return [host for host, _ in self.lines]

    @property
    def still_open(self) -> list[str]:
        return [host for host, line in self.lines if not line.is_closing()]


def address_of(host: str) -> str:
    return f"amqp://gateway:gateway@{host}/"


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    made = Nodes()
    # The one in use: a worker in this process may have put its own in its place.
    monkeypatch.setattr(connection.TCPTransportFactory, "create", made.connect)
    monkeypatch.setattr(rpc, "_shuffled", list)
    monkeypatch.setattr(first_connection, "_SILENT_SECONDS", SOON)
    return made


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch, nodes: Nodes) -> None:  # noqa: ARG001 - which is not patient
    """Take no node for silent."""
    monkeypatch.setattr(first_connection, "_SILENT_SECONDS", NEVER)


@pytest.mark.parametrize("replies", ["direct", "queue"])
async def test_beside_a_silent_node_the_next_is_tried_and_the_silent_one_is_left(
    nodes: Nodes, replies: ReplyMode
) -> None:
    urls = [nodes.add("silent", ProtocolHeader=say_nothing), nodes.add("good")]
    async with ProfileClient(urls, replies=replies):
        assert nodes.still_open == ["good"]

    assert nodes.still_open == []


@pytest.mark.usefixtures("_patient")
async def test_after_a_node_that_refuses_the_next_is_tried_at_once(nodes: Nodes) -> None:
    urls = [nodes.add_broken("dead", AMQPConnectionError()), nodes.add("good"), nodes.add("needless")]
    async with asyncio.timeout(10), ProfileClient(urls):
        assert nodes.opened == ["good"]


async def test_a_node_that_is_slow_is_not_given_up(nodes: Nodes) -> None:
    slow = asyncio.Event()

    def later(line: Line, channel: int, said: Any) -> None:
        task = asyncio.ensure_future(slow.wait())
        task.add_done_callback(lambda _: as_usual(line, channel, said))

    def release(_line: Line, _channel: int, _said: Any) -> None:
        slow.set()

    urls = [nodes.add("slow", ProtocolHeader=later), nodes.add("silent", ProtocolHeader=release)]
    async with ProfileClient(urls):
        assert nodes.still_open == ["slow"]


async def test_of_nodes_that_answer_together_one_keeps_its_connection(nodes: Nodes) -> None:
    waiting: list[tuple[Line, int, Any]] = []

    def together(*asked: Any) -> None:
        waiting.append(asked)
        if len(waiting) == len(urls):
            for line, channel, said in waiting:
                as_usual(line, channel, said)

    urls = [nodes.add(host, Connection_Open=together) for host in ("a", "b", "c")]
    async with ProfileClient(urls):
        assert nodes.opened == ["a", "b", "c"]
        assert len(nodes.still_open) == 1


async def test_where_none_lets_us_in_the_last_one_says_why(nodes: Nodes) -> None:
    urls = [
        nodes.add("silent", ProtocolHeader=say_nothing),
        nodes.add_broken("dead", AMQPConnectionError()),
    ]
    with pytest.raises(Disconnected, match="did not let us in") as lost:
        async with ProfileClient(urls, connect_timeout=0.5):
            pass

    assert lost.value.sent is False
    assert nodes.still_open == []


async def test_what_is_no_lost_connection_ends_all_attempts(nodes: Nodes) -> None:
    urls = [
        nodes.add("silent", ProtocolHeader=say_nothing),
        nodes.add_broken("bug", BugInAiormq()),
        nodes.add("silent-too", ProtocolHeader=say_nothing),
    ]
    with pytest.raises(BugInAiormq):
        async with ProfileClient(urls):
            pass

    assert nodes.still_open == []


@pytest.mark.parametrize("replies", ["direct", "queue"])
@pytest.mark.parametrize("fault", [hang_up, say_nothing])
@pytest.mark.usefixtures("_patient")
async def test_where_the_connection_that_was_first_is_of_no_use_the_others_are_tried(
    nodes: Nodes, replies: ReplyMode, fault: Answer
) -> None:
    urls = [nodes.add("mute", Basic_Consume=fault), nodes.add("good")]
    # Where it says nothing, all of this goes by, and the next node has as much.
    async with ProfileClient(urls, replies=replies, connect_timeout=1.0):
        assert nodes.still_open == ["good"]


@pytest.mark.usefixtures("_patient")
async def test_a_node_that_has_just_failed_is_not_tried_again_at_once(nodes: Nodes) -> None:
    urls = [nodes.add_broken("dead", AMQPConnectionError()), nodes.add("useless", Basic_Consume=hang_up)]
    with pytest.raises(Disconnected):
        async with ProfileClient(urls):
            pass

    assert nodes.tried == ["dead", "useless"]


async def test_a_subscriber_that_is_closed_while_it_connects_leaves_nothing(nodes: Nodes) -> None:
    urls = [URL(nodes.add(host, ProtocolHeader=say_nothing)) for host in ("silent", "silent-too")]
    gaps = list[str]()

    async def on_gap() -> None:
        gaps.append("told")

    subscriber = EventSubscriber(urls, ["profile.*"], connect_timeout=NEVER, on_gap=on_gap)
    listening = asyncio.create_task(anext(aiter(subscriber), None))
    async with asyncio.timeout(NEVER / 2):
        while len(nodes.tried) < len(urls):
            await asyncio.wait([listening], timeout=SOON)
        # The client does so, and `async with`: one while the other is at it.
        closing = asyncio.create_task(subscriber.close())
        while not closing.done():
            await subscriber.close()
            await asyncio.sleep(0)
        await closing
        assert await listening is None

    assert nodes.still_open == []
    assert gaps == []


@pytest.mark.usefixtures("_patient")
async def test_a_user_who_may_have_no_queue_of_replies_is_told_so_by_the_first_node(nodes: Nodes) -> None:
    urls = [nodes.add("first", Queue_Declare=refuse), nodes.add("second")]
    with pytest.raises(QueueRefused):
        async with ProfileClient(urls, replies="queue"):
            pass

    assert nodes.opened == ["first"]
    assert nodes.still_open == []


@pytest.mark.usefixtures("_patient")
async def test_a_lost_connection_is_followed_by_one_to_the_next_node(nodes: Nodes) -> None:
    urls = [nodes.add("a", ContentBody=hang_up), nodes.add("b", ContentBody=hang_up)]
    async with ProfileClient(urls, retry=False) as client:
        for _ in range(2):
            with pytest.raises(Disconnected):
                await client.keys()

    assert nodes.opened == ["a", "b"]


async def test_whenever_an_attempt_is_given_up_it_leaves_no_connection(nodes: Nodes) -> None:
    """Also right after the other end has let us in, when aiormq loses sight of it."""
    url = URL(nodes.add("good"))
    before = asyncio.all_tasks()
    turns, has_connected = 0, False
    while not has_connected:
        turns += 1
        attempt = asyncio.create_task(connect([url], NEVER))
        for _ in range(turns):
            await asyncio.sleep(0)
        has_connected = attempt.done()
        attempt.cancel()
        await asyncio.wait([attempt])
        if has_connected:
            await attempt.result().connection.close()
        async with asyncio.timeout(10):
            while left := asyncio.all_tasks() - before:
                await asyncio.wait(left)

        assert nodes.still_open == []
    assert turns > 1


def test_clients_try_nodes_in_orders_of_their_own() -> None:
    urls = [URL(address_of(host)) for host in "abc"]

    orders = {tuple(rpc._shuffled(urls)) for _ in range(1000)}  # noqa: SLF001 - the order is seen nowhere else
    assert len(orders) == 6
    assert {frozenset(each) for each in orders} == {frozenset(urls)}
