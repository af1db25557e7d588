"""A secret that all workers share, and the keys that are derived from it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES: Final = 32
_KID_BYTES: Final = 8
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Purpose(StrEnum):
    """What a derived key is for: the `info` of HKDF, which binds a key to its use (RFC 5869, 3.2).

    A label never changes: whatever was made with its key would be void.
    """

    REFRESH_TOKENS = "profile-service: refresh tokens, version 2"
    DEVICE_TOKENS = "profile-service: device tokens, version 1"
    ONE_TIME_TOKENS = "profile-service: one-time tokens, version 1"
    TOTP_SECRETS = "profile-service: secrets of second factors, version 1"
    CURSORS = "profile-service: cursors of lists, version 1"
    COMMAND_DIGESTS = "profile-service: command digests, version 2"
    SENDERS = "profile-service: signed senders, version 2"
    # No key: it stands in refresh tokens for everybody to see.
    KID = "profile-service: names of root keys, version 1"


@dataclass(frozen=True, slots=True)
class RootKey:
    """The secret.

    Attributes:
        secret: 32 random bytes. Version 0.1 used them as they are for refresh tokens and command digests;
            both are still recognised.
        made_at: When it was made; `None` of the first key of all, which is older than any other.

    """

    secret: bytes = field(repr=False)
    made_at: datetime | None = None

    @property
    def kid(self) -> str:
        """Its name: it follows from the secret, and the secret does not follow from it."""
        return self.derive(Purpose.KID)[:_KID_BYTES].hex()

    @property
    def since(self) -> datetime:
        """When it was made; of the first key of all, long ago."""
        return self.made_at or _LONG_AGO

    @property
    def is_first(self) -> bool:
        """Whether former versions knew it, and so made things with it that do not name their key."""
        return self.made_at is None

    def derive(self, purpose: Purpose) -> bytes:
        """Return the key of 32 bytes for *purpose*: HKDF with SHA-256, without salt (RFC 5869, 3.1)."""
        return _derive(self.secret, purpose)


@lru_cache(maxsize=64)
def _derive(secret: bytes, purpose: Purpose) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)
