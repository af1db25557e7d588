"""Properties that RabbitMQ passes on and that AMQP libraries for Python cannot decode.

They are read before it matters which operation is asked for: `tests/unit/rabbitmq/test_lenient_codec.py`.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.bad_input import OF_EACH_KIND
from tests.integration.broker import Broker
from tests.integration.gateway import Gateway, eventually
from tests.integration.requests import OPERATIONS, a_request
from tests.integration.undecodable import UNDECODABLE, NotUtf8, writing_anything
from tools.worker import Worker

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.fixture
def careless() -> Iterator[None]:
    """Let pamqp write what other clients write without a thought."""
    with writing_anything():
        yield


async def is_borne(gateway: Gateway, worker: Worker, operation: str, properties: dict[str, Any]) -> None:
    """Send a request with *properties*. One such message would end the connection, again and again."""
    before = worker.log.read_text().count("Reconnecting")
    correlation_id = uuid4().hex
    reply = await gateway.ask(operation, a_request(operation), correlation_id=correlation_id, **properties)

    assert reply["ok"] or reply["error"]["code"] in ("unauthenticated", "invalid", "not_found")
    assert gateway.replies_to(correlation_id) == 1
    assert worker.log.read_text().count("Reconnecting") == before


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize("operation", OF_EACH_KIND)
@pytest.mark.parametrize("properties", UNDECODABLE.values(), ids=UNDECODABLE.keys())
async def test_properties_that_cannot_be_decoded_do_not_stop_the_worker(
    gateway: Gateway, worker: Worker, operation: str, properties: dict[str, Any]
) -> None:
    await is_borne(gateway, worker, operation, properties)


@pytest.mark.usefixtures("careless")
@every_operation
async def test_a_header_that_is_not_utf_8_does_not_stop_the_worker(
    gateway: Gateway, worker: Worker, operation: str
) -> None:
    await is_borne(gateway, worker, operation, UNDECODABLE["header"])


@pytest.mark.usefixtures("careless")
@every_operation
async def test_a_correlation_id_that_is_not_utf_8_comes_back_as_it_was(
    gateway: Gateway, broker: Broker, operation: str
) -> None:
    replies = await broker.reply_queue()
    message = gateway.message(a_request(operation), correlation_id=NotUtf8("caf?"), reply_to=replies)
    await gateway.send(operation, message)

    async def look() -> bool:
        return await broker.ready(replies) == 1

    assert await eventually(look)
