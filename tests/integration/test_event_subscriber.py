"""`client.events(...)`: each event once, whatever happens to body, line, queue and client."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from profile_contracts.client import EventSubscriber, ProfileClient
from profile_contracts.errors import NotSent, QueueRefused
from profile_contracts.events import EVENTS_EXCHANGE, Event, ProfileEvent
from tests.integration.broker import administrating
from tests.integration.connections import connect
from tests.integration.gateway import eventually
from tests.integration.proxy import behind, proxied
from tests.integration.workers import address_of, isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox

PROFILE = "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"


class BodyFailed(Exception):
    """What the body of a loop raises here."""


@pytest.fixture(scope="module")
def quiet(servers: Servers) -> Iterator[Sandbox]:
    """A broker on which nothing happens but what the tests publish."""
    with isolated_sandbox(servers) as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def client(quiet: Sandbox) -> AsyncIterator[ProfileClient]:
    async with ProfileClient(quiet.gateway_url) as connected:
        yield connected


@pytest_asyncio.fixture(scope="module")
async def publisher(quiet: Sandbox) -> AsyncIterator[AbstractChannel]:
    """Publishes in place of the service."""
    async with await connect(quiet.service_url) as connection:
        yield await connection.channel()


def a_queue() -> str:
    return f"gateway.{uuid4().hex}"


async def publish(publisher: AbstractChannel, *ids: str, kind: str = "profile.updated") -> None:
    exchange = await publisher.get_exchange(EVENTS_EXCHANGE, ensure=False)
    for each in ids:
        event = {
            "specversion": "1.0",
            "id": each,
            "source": "/profile-service",
            "type": kind,
            "subject": PROFILE,
            "time": "2026-11-26T12:00:00.000Z",
            "datacontenttype": "application/json",
            "data": {"id": PROFILE, "version": 2, "changed": ["last_name"]},
        }
        await exchange.publish(Message(json.dumps(event).encode()), kind)


async def collect(events: EventSubscriber, got: list[Event[Any]]) -> None:
    async for event in events:
        got.append(event)  # noqa: PERF401 - a comprehension would show nothing before its end


@asynccontextmanager
async def looping(events: EventSubscriber) -> AsyncIterator[list[Event[Any]]]:
    """Run a loop inside the block, once it is connected; give what it has got so far."""
    got: list[Event[Any]] = []

    task = asyncio.create_task(collect(events, got))
    try:
        await is_connected(events)
        yield got
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def is_connected(events: EventSubscriber) -> None:
    async def look() -> bool:
        return events.connected

    await eventually(look, within=15)


async def gets(got: list[Event[Any]], *ids: str) -> None:
    """Wait until exactly these have come."""

    async def look() -> bool:
        return len(got) >= len(ids)

    await eventually(look, within=15)
    assert [each.id for each in got] == [*ids]


async def made(client: ProfileClient, queue: str) -> None:
    """Make *queue*, and leave it."""
    async with looping(client.events("profile.*", queue=queue)):
        pass


async def fail_at_the_first(events: EventSubscriber) -> None:
    async for _ in events:
        raise BodyFailed


async def test_events_are_typed_and_come_in_order(client: ProfileClient, publisher: AbstractChannel) -> None:
    events = client.events("profile.*", queue=a_queue())
    async with looping(events) as got:
        await publish(publisher, "1", "2", "3")
        await gets(got, "1", "2", "3")

    assert got[0].type == "profile.updated"
    assert isinstance(got[0].data, ProfileEvent)
    assert str(got[0].data.id) == PROFILE
    assert not events.connected


async def test_a_durable_queue_keeps_events_while_nobody_listens(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    queue = a_queue()
    await made(client, queue)
    await publish(publisher, "1", "2")
    events = client.events("profile.*", queue=queue)
    async with looping(events) as got:
        await gets(got, "1", "2")

    assert events.gaps == 0


async def test_without_a_queue_each_gets_all_events_and_their_queues_go_with_them(
    client: ProfileClient, publisher: AbstractChannel, quiet: Sandbox
) -> None:
    first, second = client.events("profile.*"), client.events("profile.*")
    async with looping(first) as one, looping(second) as other:
        await publish(publisher, "1", "2")
        await gets(one, "1", "2")
        await gets(other, "1", "2")

    assert (first.gaps, second.gaps) == (1, 1)
    async with administrating(quiet) as broker:

        async def are_gone() -> bool:
            queues = await broker.look_here("queues")
            return not [each for each in queues if each["name"].startswith("gateway.events.")]

        assert await eventually(are_gone)


async def test_two_with_one_queue_share_its_events(client: ProfileClient, publisher: AbstractChannel) -> None:
    queue, ids = a_queue(), [str(each) for each in range(20)]
    first, second = client.events("profile.*", queue=queue), client.events("profile.*", queue=queue)
    async with looping(first) as one, looping(second) as other:
        await publish(publisher, *ids)

        async def all_there() -> bool:
            return len(one) + len(other) == len(ids)

        await eventually(all_there)

    assert sorted([each.id for each in [*one, *other]]) == sorted(ids)
    assert one
    assert other


async def test_what_the_body_raised_at_comes_again_and_what_it_returned_from_does_not(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    queue = a_queue()
    await made(client, queue)
    await publish(publisher, "1", "2", "3")
    tried = []

    async def handle(events: EventSubscriber) -> None:
        async for event in events:
            tried.append(event.id)
            if event.id == "2":
                raise BodyFailed

    for _ in range(2):
        with pytest.raises(BodyFailed):
            await handle(client.events("profile.*", queue=queue))
    events = client.events("profile.*", queue=queue)
    async with looping(events) as got:
        await gets(got, "2", "3")

    assert tried == ["1", "2", "2"]


async def test_one_subscriber_goes_on_after_its_body_has_raised(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    queue = a_queue()
    await made(client, queue)
    await publish(publisher, "1", "2")
    events = client.events("profile.*", queue=queue)
    with pytest.raises(BodyFailed):
        await fail_at_the_first(events)
    async with looping(events) as got:
        await gets(got, "1", "2")


@pytest.mark.parametrize("inside", [True, False], ids=["in-a-block", "bare"])
async def test_break_acknowledges_inside_a_block_only(
    client: ProfileClient, publisher: AbstractChannel, *, inside: bool
) -> None:
    queue = a_queue()
    await made(client, queue)
    await publish(publisher, "1", "2")
    if inside:
        async with client.events("profile.*", queue=queue) as events:
            async for _ in events:
                break
    else:
        async for _ in client.events("profile.*", queue=queue):
            break
    async with looping(client.events("profile.*", queue=queue)) as got:
        await gets(got, *(["2"] if inside else ["1", "2"]))


async def test_a_block_that_raises_gives_its_event_back(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    queue = a_queue()
    await made(client, queue)
    await publish(publisher, "1")
    events = client.events("profile.*", queue=queue)
    with pytest.raises(BodyFailed):
        async with events:
            await fail_at_the_first(events)
    async with looping(client.events("profile.*", queue=queue)) as got:
        await gets(got, "1")


async def test_an_event_that_comes_twice_is_given_once(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    async with looping(client.events("profile.*", queue=a_queue())) as got:
        await publish(publisher, "1", "1", "2", "1", "3")
        await gets(got, "1", "2", "3")


async def test_only_so_many_ids_are_remembered(client: ProfileClient, publisher: AbstractChannel) -> None:
    async with looping(client.events("profile.*", queue=a_queue(), remember=2)) as got:
        await publish(publisher, "1", "2", "2", "3", "1", "3", "4")
        await gets(got, "1", "2", "3", "1", "4")


async def test_events_of_other_types_and_forms_are_passed_over(
    client: ProfileClient, publisher: AbstractChannel
) -> None:
    events = client.events("#", queue=a_queue())
    async with looping(events) as got:
        await publish(publisher, "1", kind="profile.frobnicated")
        await publish(publisher, "2", kind="command.failed")  # with the data of another
        await publish(publisher, "3")
        await gets(got, "3")

    assert events.passed_over == 2


async def test_a_line_that_breaks_comes_back_by_itself_and_nothing_is_lost_or_doubled(
    quiet: Sandbox, publisher: AbstractChannel
) -> None:
    async with proxied(*address_of(quiet.gateway_url)) as proxy:
        client = ProfileClient(behind(proxy, quiet.gateway_url))
        events = client.events("profile.*", queue=a_queue())
        ids = [str(each) for each in range(50)]
        async with looping(events) as got:
            for begin in range(0, 50, 10):
                await publish(publisher, *ids[begin : begin + 5])
                proxy.cut()
                await publish(publisher, *ids[begin + 5 : begin + 10])
                proxy.mend()
                began = time.monotonic()
                await gets(got, *ids[: begin + 10])
                assert time.monotonic() - began < 10

        assert events.gaps == 1  # the first connection


async def test_an_event_whose_line_broke_while_it_was_handled_is_not_given_again(
    quiet: Sandbox, publisher: AbstractChannel
) -> None:
    async with proxied(*address_of(quiet.gateway_url)) as proxy:
        client = ProfileClient(behind(proxy, quiet.gateway_url))
        events, broken = client.events("profile.*", queue=a_queue()), asyncio.Event()
        got: list[Event[Any]] = []

        async def loop() -> None:
            async for event in events:
                got.append(event)
                if event.id == "1":
                    await broken.wait()

        task = asyncio.create_task(loop())
        await is_connected(events)
        await publish(publisher, "1", "2")

        async def is_at_work() -> bool:
            return bool(got)

        await eventually(is_at_work)
        proxy.cut()
        proxy.mend()
        broken.set()
        await gets(got, "1", "2")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_broker_that_is_away_at_first_is_waited_for(
    quiet: Sandbox, publisher: AbstractChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async def has_tried() -> bool:
        return "No events arrive" in caplog.text

    async with proxied(*address_of(quiet.gateway_url)) as proxy:
        proxy.cut()
        events = ProfileClient(behind(proxy, quiet.gateway_url)).events("profile.*", queue=a_queue())
        with caplog.at_level(logging.WARNING, "profile_contracts.events"):
            task = asyncio.create_task(anext(aiter(events)))
            await eventually(has_tried)
        proxy.mend()
        await is_connected(events)
        await publish(publisher, "1")

        assert (await asyncio.wait_for(task, 15)).id == "1"


async def test_a_queue_that_somebody_deletes_is_made_again_and_that_is_a_gap(
    client: ProfileClient, publisher: AbstractChannel, quiet: Sandbox
) -> None:
    queue = a_queue()
    got: list[Event[Any]] = []
    gaps: list[list[str]] = []

    async def on_gap() -> None:
        gaps.append([each.id for each in got])

    events = client.events("profile.*", queue=queue, on_gap=on_gap)

    task = asyncio.create_task(collect(events, got))
    await is_connected(events)
    await publish(publisher, "1")
    await gets(got, "1")
    async with administrating(quiet) as broker:
        await broker.channel.queue_delete(queue)

    async def is_told() -> bool:
        return len(gaps) == 2 and events.connected

    await eventually(is_told)
    await publish(publisher, "2")
    await gets(got, "1", "2")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert gaps == [[], ["1"]]
    assert events.gaps == 2


async def test_a_gap_whose_handler_raised_is_told_again(client: ProfileClient) -> None:
    told = 0

    async def on_gap() -> None:
        nonlocal told
        told += 1
        if told == 1:
            raise BodyFailed

    events = client.events("profile.*", queue=a_queue(), on_gap=on_gap)
    with pytest.raises(BodyFailed):
        await anext(aiter(events))
    async with looping(events):
        pass
    async with looping(events):
        pass

    assert (told, events.gaps) == (2, 1)


@pytest.mark.parametrize("queue", ["profile.mine", "auth.keys"])
async def test_a_queue_that_the_user_may_not_have_is_refused(client: ProfileClient, queue: str) -> None:
    with pytest.raises(QueueRefused, match=queue):
        await anext(aiter(client.events("profile.*", queue=queue)))


async def test_a_queue_that_another_consumer_has_alone_is_refused(
    client: ProfileClient, quiet: Sandbox
) -> None:
    async def take(_: AbstractIncomingMessage) -> None:
        raise NotImplementedError  # nothing comes

    queue = a_queue()
    async with administrating(quiet) as broker:
        taken = await broker.channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "classic"})
        await taken.consume(take, exclusive=True)
        with pytest.raises(QueueRefused, match=queue):
            await anext(aiter(client.events("profile.*", queue=queue)))


async def test_a_queue_of_another_kind_is_taken_as_it_is(
    client: ProfileClient, publisher: AbstractChannel, quiet: Sandbox
) -> None:
    queue = a_queue()
    async with administrating(quiet) as broker:
        await broker.channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "classic"})
    async with looping(client.events("profile.*", queue=queue)) as got:
        await publish(publisher, "1")
        await gets(got, "1")


async def test_loops_end_when_the_client_is_closed(quiet: Sandbox) -> None:
    name = f"closed-{uuid4().hex}"
    async with ProfileClient(quiet.gateway_url, name=name) as client:
        events = client.events("profile.*", queue=a_queue())
        ends = asyncio.create_task(anext(aiter(events), None))
        await is_connected(events)

    assert await asyncio.wait_for(ends, 5) is None
    with pytest.raises(NotSent):
        client.events("profile.*")
    async with administrating(quiet) as broker:

        async def is_gone() -> bool:
            return not await broker.connections(f"{name}-events")

        assert await eventually(is_gone)


async def test_closing_waits_for_the_body_and_its_event_does_not_come_again(
    quiet: Sandbox, publisher: AbstractChannel
) -> None:
    queue, at_work, may_end = a_queue(), asyncio.Event(), asyncio.Event()
    handled = []

    async def loop(client: ProfileClient) -> None:
        async for event in client.events("profile.*", queue=queue):
            at_work.set()
            await may_end.wait()
            handled.append(event.id)

    client = await ProfileClient(quiet.gateway_url).__aenter__()
    await made(client, queue)
    await publish(publisher, "1", "2")
    task = asyncio.create_task(loop(client))
    await asyncio.wait_for(at_work.wait(), 15)
    closing = asyncio.create_task(client.__aexit__(None, None, None))
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.wait_for(asyncio.gather(closing, task), 15)
    async with (
        ProfileClient(quiet.gateway_url) as another,
        looping(another.events("profile.*", queue=queue)) as rest,
    ):
        await gets(rest, "2")

    assert handled == ["1"]


async def test_a_body_that_never_ends_does_not_hold_the_client_up(
    quiet: Sandbox, publisher: AbstractChannel
) -> None:
    queue, at_work = a_queue(), asyncio.Event()

    async def loop(client: ProfileClient) -> None:
        async for _ in client.events("profile.*", queue=queue):
            at_work.set()
            await asyncio.Event().wait()

    async with ProfileClient(quiet.gateway_url) as client:
        await made(client, queue)
        await publish(publisher, "1")
        task = asyncio.create_task(loop(client))
        await asyncio.wait_for(at_work.wait(), 15)
        began = time.monotonic()

    assert time.monotonic() - began < 8
    async with (
        ProfileClient(quiet.gateway_url) as another,
        looping(another.events("profile.*", queue=queue)) as rest,
    ):
        await gets(rest, "1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_silent_line_is_noticed(quiet: Sandbox) -> None:
    async with proxied(*address_of(quiet.gateway_url)) as proxy:
        client = ProfileClient(f"{behind(proxy, quiet.gateway_url)}?heartbeat=1")
        events = client.events("profile.*", queue=a_queue())
        async with looping(events):
            proxy.freeze()

            async def is_noticed() -> bool:
                return not events.connected

            await eventually(is_noticed, within=15)
            proxy.mend()
            await is_connected(events)
