from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from faststream.rabbit import TestRabbitBroker

from tests.unit.inputports.amqp.messaging_harness import (
    MessagingHarness,
    SharedBroker,
    a_harness,
    a_shared_broker,
)


@pytest_asyncio.fixture(scope="session")
async def shared_broker() -> AsyncIterator[SharedBroker]:
    """FastStream's test broker: it takes as long to open as the tests of a dozen requests."""
    shared = a_shared_broker()
    async with TestRabbitBroker(shared.broker):
        yield shared


@pytest.fixture
def harness(shared_broker: SharedBroker) -> MessagingHarness:
    """The service, open for requests."""
    return a_harness(shared_broker)
