"""Lets every message through that the broker lets through, so that it can be refused, and answered.

pamqp cannot decode text that is not UTF-8, times after the year 9999 and very deep tables; RabbitMQ
passes all of them on. Such a property or header ends the connection that a message is delivered to,
RabbitMQ delivers the message to the next one, and so a single message would stop every worker. Of a delivery
mode but 1 and 2, aio-pika makes no message: it would stay unacknowledged, and no one would be told. And pamqp
copies the rest of a table for each entry: a frame full of small headers held a worker up for a second.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from pamqp import decode, encode
from pamqp.commands import Basic

# Bytes that are not UTF-8 become lone surrogates, and the same bytes again in an echoed correlation id.
_ERRORS: Final = "surrogateescape"
_LENGTH: Final = 4
_MAX_SHORT: Final = 255
# Longer than any header that a message has for a reason; what comes after is not read.
_MOST_VALUES: Final = 256
_DEEPEST: Final = 8
# The types of values that begin with their length; no other one has more than 8 bytes.
_SIZED: Final = (b"S", b"x", b"F", b"A")
_LONGEST_UNSIZED: Final = 8
# Names, after their lengths; of the first one, the value of RabbitMQ's type, too.
_DELIVERY_COUNT: Final = re.compile(rb"\x10x-delivery-countl(.{8})", re.DOTALL)
_AUTHORIZATION: Final = b"\x0dauthorization"


def install_lenient_codec() -> None:
    """Replace those of pamqp's decoders that may fail or take long, for the whole process."""
    headers = _Headers()
    decode.METHODS.update(
        shortstr=_short_text, table=headers.read, timestamp=_time, delivery_mode=_delivery_mode
    )
    decode.TABLE_MAPPING.update({b"T": _time, b"F": headers.table, b"A": headers.array})
    encode.METHODS.update(shortstr=_short_text_again, delivery_mode=encode.octet)
    # It is an octet like any other to pamqp.
    Basic.Properties._delivery_mode = "delivery_mode"  # noqa: SLF001


class _Headers:
    """Reads the headers of one message after the other: of each as much as there is a reason for."""

    def __init__(self) -> None:
        self._left = 0
        self._depth = 0

    def read(self, value: bytes) -> tuple[int, dict[str, Any]]:
        self._left, self._depth = _MOST_VALUES, 0
        end, headers = self.table(value)
        return end, headers if self._left else _with_decisive(headers, value[:end])

    def table(self, value: bytes) -> tuple[int, dict[str, Any]]:
        fields: dict[str, Any] = {}

        def entry(at: int) -> int:
            length, name = _short_text(value[at : at + 1 + _MAX_SHORT])
            after, field = _value(value, at + length)
            fields.setdefault(name, field)  # the first counts, as it does for RabbitMQ
            return after

        return self._read_entries(value, entry), fields

    def array(self, value: bytes) -> tuple[int, list[Any]]:
        items: list[Any] = []

        def entry(at: int) -> int:
            after, item = _value(value, at)
            items.append(item)
            return after

        return self._read_entries(value, entry), items

    def _read_entries(self, value: bytes, entry: Callable[[int], int]) -> int:
        at, end = _LENGTH, _end(value)
        self._depth += 1
        while at < end and self._left and self._depth <= _DEEPEST:
            self._left -= 1
            at = entry(at)
        self._depth -= 1
        return end


def _with_decisive(headers: dict[str, Any], table: bytes) -> dict[str, Any]:
    """Return *headers* with what must not be passed over, wherever it stands in their *table*.

    How often RabbitMQ has delivered a message may stand behind all that its sender wrote. And whoever sends a
    token asks as nobody else, even if it is not read.
    """
    counts = [int.from_bytes(each, "big", signed=True) for each in _DELIVERY_COUNT.findall(table)]
    if counts:
        headers["x-delivery-count"] = max(counts)
    if _AUTHORIZATION in table:
        headers.setdefault("authorization", "")
    return headers


def _value(table: bytes, at: int) -> tuple[int, Any]:
    """Return the value at a place in a table or array, and the place after it."""
    has_length = table[at : at + 1] in _SIZED
    longest = _end(table[at + 1 : at + 1 + _LENGTH]) if has_length else _LONGEST_UNSIZED
    length, value = decode.embedded_value(table[at : at + 1 + longest])
    return at + length, value


def _short_text(value: bytes) -> tuple[int, str]:
    end = 1 + value[0]
    return end, value[1:end].decode("utf-8", _ERRORS)


def _short_text_again(value: str) -> bytes:
    encoded = value.encode("utf-8", _ERRORS)
    if len(encoded) > _MAX_SHORT:
        raise TypeError("a short string has at most 255 bytes")
    return bytes([len(encoded)]) + encoded


def _delivery_mode(value: bytes) -> tuple[int, int]:
    """Return 2 for what is persistent, and 1 for all else: RabbitMQ 4 takes and delivers any octet."""
    return 1, 2 if value[0] == 2 else 1  # noqa: PLR2004 - AMQP 0-9-1, 1.1.1.3: "delivery-mode"


def _time(value: bytes) -> tuple[int, datetime]:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, datetime.max.replace(tzinfo=UTC)


def _end(value: bytes) -> int:
    return _LENGTH + int.from_bytes(value[:_LENGTH], "big")
