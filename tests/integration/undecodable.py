"""Properties that RabbitMQ passes on and that AMQP libraries for Python cannot decode."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pamqp.encode
import pytest


class NotUtf8(str):
    """Goes over the wire as it is, which aio-pika would not let happen."""

    __slots__ = ()


class NoTime(datetime):
    """Goes over the wire as a time after the year 9999."""


@contextmanager
def writing_anything() -> Iterator[None]:
    """Let pamqp write what other clients write without a thought, inside the block."""
    text, moment = pamqp.encode._string, pamqp.encode.timestamp  # noqa: SLF001 - there is no other way

    def string(length: struct.Struct, value: str) -> bytes:
        return length.pack(4) + b"caf\xe9" if isinstance(value, NotUtf8) else text(length, value)

    def timestamp(value: datetime) -> bytes:
        return struct.pack(">Q", 2**62) if isinstance(value, NoTime) else moment(value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pamqp.encode, "_string", string)
        patch.setattr(pamqp.encode, "timestamp", timestamp)
        patch.setitem(pamqp.encode.METHODS, "timestamp", timestamp)
        yield


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
