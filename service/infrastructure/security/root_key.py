"""The one secret that all workers share, and the keys that are derived from it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES: Final = 32


class Purpose(StrEnum):
    """What a derived key is for: the `info` of HKDF, which binds a key to its use (RFC 5869, 3.2).

    A label never changes: whatever was made with its key would be void.
    """

    REFRESH_TOKENS = "profile-service: refresh tokens, version 2"
    DEVICE_TOKENS = "profile-service: device tokens, version 1"
    CURSORS = "profile-service: cursors of lists, version 1"
    COMMAND_DIGESTS = "profile-service: command digests, version 2"
    SENDERS = "profile-service: signed senders, version 2"


@dataclass(frozen=True, slots=True)
class RootKey:
    """The secret.

    Attributes:
        secret: 32 random bytes. Version 0.1 used them as they are for refresh tokens and command digests;
            both are still recognised.

    """

    secret: bytes = field(repr=False)

    def derive(self, purpose: Purpose) -> bytes:
        """Return the key of 32 bytes for *purpose*: HKDF with SHA-256, without salt (RFC 5869, 3.1)."""
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(self.secret)
