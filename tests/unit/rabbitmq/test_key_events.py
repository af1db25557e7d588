import asyncio
import json
from functools import partial
from typing import Any

import pytest
from aio_pika import Message

from service.infrastructure.rabbitmq import events
from service.infrastructure.rabbitmq.events import publish_rotated_keys
from tests.fakes.clock import FakeClock


class Published:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def publish_event(self, message: Message, _: str, *, needed: bool) -> None:
        assert not needed
        self.events.append(json.loads(message.body))


async def test_every_worker_tells_of_one_change_with_one_id_and_of_another_with_another() -> None:
    published: Any = Published()
    one, other = (partial(publish_rotated_keys, published, FakeClock()) for _ in range(2))
    await one(["a"], ["a", "b"])
    await other(["a"], ["b", "a"])
    await one(["a", "b"], ["a"])
    await one(["a"], ["a", "c"])
    await one(["a", "c"], ["a"])
    ids = [each["id"] for each in published.events]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert [each["data"]["kids"] for each in published.events][2:] == [["a"], ["a", "c"], ["a"]]


async def test_a_broker_that_takes_nothing_keeps_nobody_from_the_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck(Published):
        async def publish_event(self, message: Message, _: str, *, needed: bool) -> None:
            await super().publish_event(message, _, needed=needed)
            await asyncio.Event().wait()

    monkeypatch.setattr(events, "_KEYS_SECONDS", 0.01)
    stuck: Any = Stuck()
    async with asyncio.timeout(5):
        await publish_rotated_keys(stuck, FakeClock(), ["a"], ["a", "b"])

    assert len(stuck.events) == 1
