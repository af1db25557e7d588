"""When the client takes a channel for stuck. `tests/faults/test_stuck_channels.py` shows it on a broker."""

import asyncio
from typing import Any

import pytest
from aio_pika import Message
from aio_pika.exceptions import ChannelInvalidStateError

from profile_contracts.client import channel as channel_module
from profile_contracts.client.channel import RpcChannel
from profile_contracts.client.refusals import Refusals, RefusalsByQueue
from profile_contracts.client.replies import DirectReplies


class SilentBroker:
    """A connection and an exchange: it confirms nothing, and may have an alarm."""

    def __init__(self) -> None:
        self.unconfirmed: dict[int, object] = {}
        self.is_unblocked = asyncio.Event()
        self.is_unblocked.set()
        self.transport = self.connection = self

    async def ready(self) -> None:
        await self.is_unblocked.wait()

    async def publish(self, _message: Message, _queue: str) -> None:
        self.unconfirmed[len(self.unconfirmed)] = object()
        await asyncio.get_running_loop().create_future()


@pytest.fixture
def broker() -> SilentBroker:
    return SilentBroker()


@pytest.fixture
def channel(broker: SilentBroker, monkeypatch: pytest.MonkeyPatch) -> RpcChannel:
    """A channel that has no patience at all."""
    monkeypatch.setattr(channel_module, "_CONFIRM_SECONDS", 1e-9)
    stand_in: Any = broker
    refusals = RefusalsByQueue(Refusals)
    return RpcChannel(stand_in, stand_in, stand_in, DirectReplies(), broker.unconfirmed, refusals)


async def call(channel: RpcChannel) -> None:
    """Send a request, and give up."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await channel.publish("auth.keys", Message(b""))


async def test_a_request_after_one_that_was_not_confirmed_goes_elsewhere(channel: RpcChannel) -> None:
    """Also if there is only one now and then."""
    assert not await channel.is_stuck()
    await call(channel)
    assert await channel.is_stuck()


async def test_what_was_confirmed_since_is_no_reason(channel: RpcChannel, broker: SilentBroker) -> None:
    await call(channel)
    broker.unconfirmed.clear()

    assert not await channel.is_stuck()


async def test_time_counts_from_the_end_of_an_alarm(channel: RpcChannel, broker: SilentBroker) -> None:
    await call(channel)
    broker.is_unblocked.clear()
    assert not await channel.is_stuck()
    broker.is_unblocked.set()
    assert not await channel.is_stuck()
    await asyncio.sleep(0)
    assert await channel.is_stuck()


async def test_requests_that_a_queue_goes_on_refusing_go_elsewhere(channel: RpcChannel) -> None:
    refusals = channel.refusals["auth.keys"]
    refusals.on_refused(0.0)
    assert not await channel.is_stuck()
    refusals.on_refused(2.0)
    assert await channel.is_stuck()


class ArrivingReplies(DirectReplies):
    async def arrive(self, key: str | None) -> None:
        reply: Any = Message(b"{}", correlation_id=key)
        await self._take(reply)


class AnsweringBroker(SilentBroker):
    """It hands a request on, of which the reply comes, and then says or does something else."""

    def __init__(self, replies: ArrivingReplies, then: Exception | asyncio.CancelledError | None) -> None:
        super().__init__()
        self.replies, self.then = replies, then

    async def publish(self, message: Message, queue: str) -> None:
        await self.replies.arrive(message.correlation_id)
        if self.then:
            raise self.then
        await super().publish(message, queue)


@pytest.mark.parametrize("then", [None, asyncio.CancelledError(), ChannelInvalidStateError(), Exception()])
async def test_a_reply_that_is_here_counts_whatever_becomes_of_the_confirm(
    then: Exception | asyncio.CancelledError | None,
) -> None:
    """Where RabbitMQ confirms nothing any more, or the line breaks: tokens are told only once."""
    replies = ArrivingReplies()
    stand_in: Any = AnsweringBroker(replies, then)
    channel = RpcChannel(
        stand_in, stand_in, stand_in, replies, stand_in.unconfirmed, RefusalsByQueue(Refusals)
    )

    assert await channel.ask("auth.login", Message(b"", correlation_id="a")) == b"{}"
    assert not replies.are_awaited
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
