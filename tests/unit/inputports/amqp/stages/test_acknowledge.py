import asyncio
from typing import Any

import pytest
from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError

from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.stages.acknowledge import Acknowledge
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.stages.running import a_context


async def test_the_message_is_acknowledged() -> None:
    broker = FakeBroker()
    await Acknowledge(InFlight())(a_context(broker=broker))

    assert broker.journal == ["ack"]


async def test_while_a_worker_begins_to_end_that_waits() -> None:
    broker, in_flight = FakeBroker(), InFlight()
    with in_flight.pause_acks():
        acknowledging = asyncio.ensure_future(Acknowledge(in_flight)(a_context(broker=broker)))
        await asyncio.sleep(0)

        assert broker.journal == []
    await acknowledging
    assert broker.journal == ["ack"]


@pytest.mark.parametrize("error", [AMQPConnectionError(), ChannelInvalidStateError(), ConnectionError()])
async def test_a_lost_channel_is_the_brokers_business(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_self: object, **_: Any) -> None:
        raise error

    monkeypatch.setattr(FakeBroker, "basic_ack", lost)
    broker = FakeBroker()
    await Acknowledge(InFlight())(a_context(broker=broker))

    assert broker.journal == []
