"""Lets every message through that the broker lets through, so that it can be refused, and answered.

pamqp cannot decode text that is not UTF-8, times after the year 9999 and very deep tables; RabbitMQ
passes all of them on. Such a property or header ends the connection that a message is delivered to,
RabbitMQ delivers the message to the next one, and so a single message would stop every worker.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from pamqp import decode, encode

Decoder = Callable[[bytes], tuple[int, Any]]

# Bytes that are not UTF-8 become lone surrogates, and the same bytes again in an echoed correlation id.
_ERRORS: Final = "surrogateescape"
_LENGTH: Final = 4
_MAX_SHORT: Final = 255


def accept_any_bytes() -> None:
    """Replace those of pamqp's decoders that may fail, for the whole process."""
    decode.METHODS.update(shortstr=_short_text, table=_table, timestamp=_time)
    decode.TABLE_MAPPING.update({b"T": _time, b"F": _shallow(_table), b"A": _shallow(decode.field_array)})
    encode.METHODS.update(shortstr=_short_text_again)


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


def _table(value: bytes) -> tuple[int, dict[str, Any]]:
    end = _end(value)
    fields: dict[str, Any] = {}
    at = _LENGTH
    while at < end:
        consumed, name = _short_text(value[at:])
        at += consumed
        consumed, fields[name] = decode.embedded_value(value[at:])
        at += consumed
    return end, fields


def _shallow(decoder: Decoder) -> Decoder:
    """Return *decoder*, giving None for what is nested deeper than Python can follow."""

    def decoded(value: bytes) -> tuple[int, Any]:
        try:
            return decoder(value)
        except RecursionError:
            return _end(value), None

    return decoded


def _end(value: bytes) -> int:
    return _LENGTH + int.from_bytes(value[:_LENGTH], "big")
