"""Properties that RabbitMQ passes on and that AMQP libraries for Python cannot decode."""

import struct
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pamqp.encode
import pytest

from tests.integration.broker import Broker
from tests.integration.gateway import Gateway, eventually
from tests.integration.requests import OPERATIONS, a_request
from tools.worker import Worker

every_operation = pytest.mark.parametrize("operation", OPERATIONS)


class NotUtf8(str):
    """Goes over the wire as it is, which aio-pika would not let happen."""

    __slots__ = ()


class NoTime(datetime):
    """Goes over the wire as a time after the year 9999."""


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pamqp write what other clients write without a thought."""
    text, moment = pamqp.encode._string, pamqp.encode.timestamp  # noqa: SLF001 - there is no other way

    def string(length: struct.Struct, value: str) -> bytes:
        return length.pack(4) + b"caf\xe9" if isinstance(value, NotUtf8) else text(length, value)

    def timestamp(value: datetime) -> bytes:
        return struct.pack(">Q", 2**62) if isinstance(value, NoTime) else moment(value)

    monkeypatch.setattr(pamqp.encode, "_string", string)
    monkeypatch.setattr(pamqp.encode, "timestamp", timestamp)
    monkeypatch.setitem(pamqp.encode.METHODS, "timestamp", timestamp)


DEEP_TABLE: dict[str, Any] = {}
for _ in range(300):
    DEEP_TABLE = {"": DEEP_TABLE}


UNDECODABLE: dict[str, dict[str, Any]] = {
    "type": {"type": NotUtf8("caf?")},
    "app_id": {"app_id": NotUtf8("caf?")},
    "content_type": {"content_type": NotUtf8("caf?")},
    "timestamp": {"timestamp": NoTime(2020, 1, 1, tzinfo=UTC)},
    "time in a header": {"headers": {"x-when": NoTime(2020, 1, 1, tzinfo=UTC)}},
    "name of a header": {"headers": {NotUtf8("caf?"): 1}},
    "header": {"headers": {"authorization": NotUtf8("caf?")}},
    "deep": {"headers": {"x-deep": DEEP_TABLE}},
    "huge": {"headers": {"x-huge": "x" * 120_000}},
}


@pytest.mark.usefixtures("careless")
@every_operation
@pytest.mark.parametrize("properties", UNDECODABLE.values(), ids=UNDECODABLE.keys())
async def test_properties_that_cannot_be_decoded_do_not_stop_the_worker(
    gateway: Gateway, worker: Worker, operation: str, properties: dict[str, Any]
) -> None:
    """RabbitMQ passes them on. One such message would end the connection, again and again."""
    before = worker.log.read_text().count("Reconnecting")
    correlation_id = uuid4().hex
    reply = await gateway.ask(operation, a_request(operation), correlation_id=correlation_id, **properties)

    assert reply["ok"] or reply["error"]["code"] in ("unauthenticated", "invalid", "not_found")
    assert gateway.replies_to(correlation_id) == 1
    assert worker.log.read_text().count("Reconnecting") == before


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
