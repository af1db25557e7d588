"""Device tokens as names with a MAC: nothing of them is stored."""

import base64
import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from service.app.auth.tokens import Device, DeviceTokens
from service.app.clock import Clock
from service.pkg.key_source import KeySource

_FORMAT: Final = struct.Struct(">B16s16sQ")
_FORMAT_VERSION: Final = 1
_MAC_BYTES: Final = 32
_LENGTH: Final = len(base64.urlsafe_b64encode(bytes(_FORMAT.size + _MAC_BYTES)).rstrip(b"="))


class MacDeviceTokens(DeviceTokens):
    """Base64url of format, user, device and time of issue, with an HMAC-SHA-256 of them.

    Args:
        keys: 32 bytes each, the same for all workers, and for nothing else.
        lifetime: How long a token is good. Each login gives a new one.

    """

    def __init__(self, keys: KeySource, clock: Clock, lifetime: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._lifetime = lifetime

    def issue(self, device: Device) -> str:
        """Return a token for *device*."""
        seconds = int(self._clock.now().timestamp())
        name = _FORMAT.pack(_FORMAT_VERSION, device.user_id.bytes, device.id.bytes, seconds)
        current, *_ = self._keys()
        return _signed(name, current)

    def read(self, token: str) -> Device | None:
        """Return the device that *token* was issued to, or `None` if it is not good."""
        if len(token) != _LENGTH or not token.isascii():
            return None
        try:
            data = base64.b64decode(token + "=" * (-_LENGTH % 4), b"-_", validate=True)
        except ValueError:
            return None
        name = data[: _FORMAT.size]
        # The whole spelling: as base64 allows another by its last bits and by "+" for "-", and that is none.
        if not any(hmac.compare_digest(token, _signed(name, key)) for key in self._keys()):
            return None
        version, user, device, seconds = _FORMAT.unpack(name)
        age = self._clock.now() - datetime.fromtimestamp(seconds, UTC)
        is_good = version == _FORMAT_VERSION and age <= self._lifetime
        return Device(UUID(bytes=user), UUID(bytes=device)) if is_good else None


def _signed(name: bytes, key: bytes) -> str:
    """Return *name* and its MAC as a token is spelt."""
    data = name + hmac.digest(key, name, hashlib.sha256)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
