import asyncio
from typing import Any, cast

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError
from pamqp.commands import Basic

from service.infrastructure.rabbitmq import bounded_publish
from service.infrastructure.rabbitmq.bounded_publish import TakesNoMessages, publish_soon
from service.infrastructure.rabbitmq.joined_writes import JoiningTransports


class Transports(JoiningTransports):
    """The line to a broker.

    Attributes:
        aborted: Whether it was dropped.

    """

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Channel:
    """A channel, its exchange and its connection, on which publishing ends like this; without, never."""

    def __init__(self, ends_with: Exception | None = None) -> None:
        self._ends_with = ends_with
        self._transport_factory = Transports()
        self.default_exchange = self.connection = self

    @property
    def aborted(self) -> bool:
        return self._transport_factory.aborted

    async def get_underlay_channel(self) -> "Channel":
        return self

    async def publish(self, *_: Any, **__: Any) -> None:
        if self._ends_with:
            raise self._ends_with
        await asyncio.Event().wait()


async def published(channel: Channel) -> None:
    await publish_soon(cast("AbstractChannel", channel), Message(b""), "queue", mandatory=True)


async def test_a_broker_that_confirms_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_publish, "_SECONDS", 0.0)
    channel = Channel()
    with pytest.raises(TakesNoMessages, match="is there an alarm"):
        await published(channel)

    assert channel.aborted  # for it could not be closed


async def test_what_the_broker_says_against_a_message_passes() -> None:
    channel = Channel(DeliveryError(None, Basic.Nack()))
    with pytest.raises(DeliveryError):
        await published(channel)

    assert not channel.aborted
