from collections.abc import AsyncIterator

import pytest_asyncio
from faststream.rabbit import TestRabbitBroker

from tests.unit.inputports.desk import Desk, a_desk


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    """The service, open for requests."""
    desk = a_desk()
    async with TestRabbitBroker(desk.broker):
        yield desk
