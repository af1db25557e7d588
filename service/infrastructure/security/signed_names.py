"""Tokens of which nothing is stored: base64url of a name and of its HMAC-SHA-256 (RFC 2104)."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from service.infrastructure.security import base64url

_MAC_BYTES: Final = 32
# Longer than any token of ours; what is longer is not worth a look.
_LONGEST: Final = 100


def signed(name: bytes, key: bytes) -> str:
    """Return the token that *key* makes of *name*."""
    return base64url.encode(name + hmac.digest(key, name, hashlib.sha256))


def name_in(token: str) -> bytes:
    """Return the name in *token*, whoever has signed it; nothing, if it is no token."""
    data = base64url.decode(token) if len(token) <= _LONGEST else None
    return data[:-_MAC_BYTES] if data else b""


def is_signed(token: str, name: bytes, keys: Iterable[bytes]) -> bool:
    """Return whether one of *keys* has made *token*, in which there is *name*."""
    return any(hmac.compare_digest(token, signed(name, key)) for key in keys)
