from collections.abc import AsyncIterator

import pytest_asyncio
from faststream.rabbit import TestRabbitBroker

from tests.unit.inputports.amqp.messaging_harness import MessagingHarness, a_harness


@pytest_asyncio.fixture
async def harness() -> AsyncIterator[MessagingHarness]:
    """The service, open for requests."""
    harness = a_harness()
    async with TestRabbitBroker(harness.broker):
        yield harness
