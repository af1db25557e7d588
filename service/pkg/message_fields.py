"""What may be copied from one message into another: typed, bounded, and such that it can be written.

A copy of everything would take along what the broker obeys (the headers `CC` and `BCC`), what cannot be
encoded again, and what does not fit into a frame.
"""

import re
from collections.abc import Mapping
from typing import Final

from service.pkg.trace_context import current_trace

# AMQP 0-9-1, 4.2.5.3: the length of a short string is one byte.
_MAX_SHORT: Final = 255
# W3C Trace Context, 3.2. Nothing else would be of use, and anything might stand there.
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def short_text(value: object) -> str | None:
    """Return *value* if a property can hold it: text of at most 255 bytes.

    Bytes that were no UTF-8 are lone surrogates here, and the same bytes again in a property.
    """
    if not isinstance(value, str):
        return None
    try:
        return value if len(value.encode(errors="surrogateescape")) <= _MAX_SHORT else None
    except UnicodeEncodeError:
        return None


def readable_text(value: object) -> str | None:
    """Return the same as UTF-8 can hold it: bytes that were none are replaced."""
    short = short_text(value)
    return None if short is None else short.encode(errors="surrogateescape").decode(errors="replace")


def text_header(headers: Mapping[str, object], name: str, longest: int) -> dict[str, str]:
    """Return the header of that name, if it is UTF-8 of at most so many bytes."""
    value = headers.get(name)
    if not isinstance(value, str) or len(value) > longest:
        return {}
    try:
        return {name: value} if len(value.encode()) <= longest else {}
    except UnicodeEncodeError:
        return {}


def trace_header(headers: Mapping[str, object]) -> dict[str, str]:
    """Return the header that names a trace: of what we work for just now, else of *headers*, if it is one."""
    if current := current_trace():
        return dict(current)
    trace = headers.get("traceparent")
    return {"traceparent": trace} if isinstance(trace, str) and _TRACEPARENT.fullmatch(trace) else {}


def count_header(headers: Mapping[str, object], name: str, most: int) -> dict[str, int]:
    """Return the header of that name, if it is a whole number from 1 to *most*."""
    value = headers.get(name)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return {name: value} if is_number and isinstance(value, int) and 0 < value <= most else {}
