"""Lets every message through that the broker lets through, so that it can be refused, and answered.

pamqp cannot decode text that is not UTF-8, times after the year 9999 and very deep tables; RabbitMQ
passes all of them on. Such a property or header ends the connection that a message is delivered to,
RabbitMQ delivers the message to the next one, and so a single message would stop every worker. And it
copies the rest of a table for each entry: a frame full of small headers held a worker up for a second.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from pamqp import decode, encode

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


def install_lenient_codec() -> None:
    """Replace those of pamqp's decoders that may fail or take long, for the whole process."""
    headers = _Headers()
    decode.METHODS.update(shortstr=_short_text, table=headers.read, timestamp=_time)
    decode.TABLE_MAPPING.update({b"T": _time, b"F": headers.table, b"A": headers.array})
    encode.METHODS.update(shortstr=_short_text_again)


class _Headers:
    """Reads the headers of one message after the other: of each as much as there is a reason for."""

    def __init__(self) -> None:
        self._left = 0
        self._depth = 0

    def read(self, value: bytes) -> tuple[int, dict[str, Any]]:
        self._left, self._depth = _MOST_VALUES, 0
        return self.table(value)

    def table(self, value: bytes) -> tuple[int, dict[str, Any]]:
        fields: dict[str, Any] = {}

        def entry(at: int) -> int:
            length, name = _short_text(value[at : at + 1 + _MAX_SHORT])
            after, fields[name] = _value(value, at + length)
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


def _time(value: bytes) -> tuple[int, datetime]:
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, datetime.max.replace(tzinfo=UTC)


def _end(value: bytes) -> int:
    return _LENGTH + int.from_bytes(value[:_LENGTH], "big")
