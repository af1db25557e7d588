"""A queue of somebody else's that takes no event for a moment loses none."""

import asyncio
import json
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from pamqp.common import FieldTable

from profile_contracts.events import EVENTS_EXCHANGE
from tests.integration.broker import Broker
from tests.integration.conftest import SignUp
from tests.integration.gateway import eventually

# It has room for one event, and refuses further ones.
ARGUMENTS: FieldTable = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}


async def test_events_that_a_full_queue_refuses_come_once_it_takes_them(
    broker: Broker, sign_up: SignUp
) -> None:
    subjects = set[str]()

    async def take(message: AbstractIncomingMessage) -> None:
        subjects.add(json.loads(message.body)["subject"])
        await message.ack()

    queue = await broker.channel.declare_queue("gateway.small", durable=True, arguments=ARGUMENTS)
    try:
        await queue.bind(EVENTS_EXCHANGE, "profile.created")
        people = await asyncio.gather(*(sign_up() for _ in range(5)))

        async def is_full() -> bool:
            return await broker.ready(queue.name) > 0

        assert await eventually(is_full)
        await queue.consume(take)

        async def all_came() -> Any:
            return {each["id"] for each in people} <= subjects

        assert await eventually(all_came)
    finally:
        await queue.delete(if_unused=False, if_empty=False)
