"""Device tokens as names with a MAC: nothing of them is stored."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from service.app.auth.tokens import Device, DeviceTokens
from service.app.clock import Clock
from service.infrastructure.security.signed_names import is_signed, name_in, signed
from service.pkg.key_source import KeySource

_FORMAT: Final = struct.Struct(">B16s16sQ")
_FORMAT_VERSION: Final = 1


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
        return signed(name, current)

    def read(self, token: str) -> Device | None:
        """Return the device that *token* was issued to, or `None` if it is not good."""
        name = name_in(token)
        if len(name) != _FORMAT.size or not is_signed(token, name, self._keys()):
            return None
        version, user, device, seconds = _FORMAT.unpack(name)
        age = self._clock.now() - datetime.fromtimestamp(seconds, UTC)
        is_good = version == _FORMAT_VERSION and age <= self._lifetime
        return Device(UUID(bytes=user), UUID(bytes=device)) if is_good else None
