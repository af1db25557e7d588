"""Public names of things."""

import os
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_VERSION, _VARIANT = 7, 0b10


def new_id(now: datetime) -> UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): ids made later sort later, to the millisecond."""
    # In whole numbers: a float loses milliseconds in some years, 2038 for one.
    value = (now - _EPOCH) // _MILLISECOND << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | _VERSION << 76
    return UUID(int=value & ~(0b11 << 62) | _VARIANT << 62)
