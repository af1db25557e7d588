import json
from typing import Any

from aio_pika import Message

from service.infrastructure.rabbitmq.events import KeyEvents
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
    one, other = KeyEvents(published, FakeClock()), KeyEvents(published, FakeClock())
    await one.keys_rotated(["a"], ["a", "b"])
    await other.keys_rotated(["a"], ["b", "a"])
    await one.keys_rotated(["a", "b"], ["a"])
    await one.keys_rotated(["a"], ["a", "c"])
    await one.keys_rotated(["a", "c"], ["a"])
    ids = [each["id"] for each in published.events]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert [each["data"]["kids"] for each in published.events][2:] == [["a"], ["a", "c"], ["a"]]
