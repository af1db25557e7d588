from typing import Any

import pytest

from service.infrastructure.rabbitmq import overdue_confirms
from service.infrastructure.rabbitmq.overdue_confirms import OverdueConfirms


class FakeChannel:
    """A channel and its connection: what is unconfirmed, whether there is an alarm, how often it broke."""

    def __init__(self) -> None:
        self.confirmations: dict[int, object] = {}
        self.blocked = False
        self.drops = 0

    async def get_underlay_channel(self) -> Any:
        return self


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> FakeChannel:
    async def takes_messages(connection: FakeChannel) -> bool:
        return not connection.blocked

    async def abort(aborted: FakeChannel) -> None:
        aborted.drops += 1
        aborted.confirmations = {1: object()}  # what was not confirmed is published again

    monkeypatch.setattr(overdue_confirms, "takes_messages", takes_messages)
    monkeypatch.setattr(overdue_confirms, "abort", abort)
    return FakeChannel()


def watching(channel: FakeChannel) -> OverdueConfirms:
    stand_in: Any = channel
    return OverdueConfirms(stand_in, stand_in)


async def drops_at(channel: FakeChannel, until: int) -> list[int]:
    """Return after how many seconds the connection was dropped, with a look at each of them."""
    watched, dropped = watching(channel), list[int]()
    for second in range(until):
        before = channel.drops
        await watched.look(float(second))
        dropped += [second] * (channel.drops - before)
    return dropped


async def test_a_channel_that_confirms_nothing_is_dropped_and_each_time_later(channel: FakeChannel) -> None:
    """So a queue that refuses a message only after a minute comes to do so."""
    channel.confirmations = {1: object()}

    assert await drops_at(channel, 500) == [15, 46, 107, 228, 349, 470]


async def test_what_helped_long_ago_makes_nobody_more_patient(channel: FakeChannel) -> None:
    watched, channel.confirmations = watching(channel), {1: object()}
    for second in (0.0, 15.0):
        await watched.look(second)
    channel.confirmations = {}
    await watched.look(700.0)
    channel.confirmations = {1: object()}
    for second in (701.0, 716.0):
        await watched.look(second)

    assert channel.drops == 2


async def test_whoever_is_confirmed_in_time_is_left_alone(channel: FakeChannel) -> None:
    watched = watching(channel)
    for second in range(100):
        channel.confirmations = {second: object(), second + 1: object()}
        await watched.look(float(second))

    assert channel.drops == 0


async def test_during_an_alarm_nothing_is_overdue(channel: FakeChannel) -> None:
    watched, channel.confirmations = watching(channel), {1: object()}
    await watched.look(0.0)
    channel.blocked = True
    await watched.look(60.0)
    channel.blocked = False
    for second in (61.0, 75.0):
        await watched.look(second)
    assert channel.drops == 0

    await watched.look(76.0)
    assert channel.drops == 1
