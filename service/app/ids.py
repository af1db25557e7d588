"""Public names of things."""

import os
from datetime import datetime
from uuid import UUID

_VERSION, _VARIANT = 7, 0b10


def new_id(now: datetime) -> UUID:
    """Return a UUID of version 7 (RFC 9562, 5.7): ids made later sort later, to the millisecond."""
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | _VERSION << 76
    return UUID(int=value & ~(0b11 << 62) | _VARIANT << 62)
