"""A cache of passwords that were right a moment ago, for gateways that send them each time. Off by default.

It takes the place of the work of hashing only, and never of a decision: who may log in is read each time, and
attempts are counted before. It lives in this process alone and dies with it.
"""

import hashlib
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from service.app.auth.passwords import PasswordHasher

_MOST: Final = 10_000


class CachingPasswordHasher(PasswordHasher):
    """Remembers for a while which password made which hash; asks *hasher* for everything else.

    A hash is the key, and its salt is new with each password: a changed password is not found, and
    nobody has to purge it. Only right passwords are remembered, so that wrong ones keep their cost.

    Args:
        hasher: Does the work.
        lifetime: How long a password is remembered, from when it was checked.
        now: Gives the time in seconds.

    """

    def __init__(
        self, hasher: PasswordHasher, lifetime: timedelta, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._hasher = hasher
        self._lifetime = lifetime.total_seconds()
        self._now = now
        self._key = os.urandom(32)
        self._verified: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    @property
    def max_bytes(self) -> int:
        """How long a password may be that is to be hashed."""
        return self._hasher.max_bytes

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*."""
        return await self._hasher.hash(password)

    async def verify(
        self, password: bytes, hashed: str | None, on_mismatch: Callable[[], None] = lambda: None
    ) -> bool:
        """Return whether *hashed* was made from *password*; if that was so a moment ago, at once."""
        if hashed is not None and (remembered := self._remembered(hashed)):
            if hmac.compare_digest(remembered, self._digest(password, hashed)):
                self._verified.move_to_end(hashed)
                return True
            on_mismatch()
        matches = await self._hasher.verify(password, hashed, on_mismatch)
        if matches and hashed is not None:
            self._verified[hashed] = (self._digest(password, hashed), self._now() + self._lifetime)
            if len(self._verified) > _MOST:
                self._verified.popitem(last=False)
        return matches

    def is_outdated(self, hashed: str) -> bool:
        """Return whether *hashed* would be made otherwise today."""
        return self._hasher.is_outdated(hashed)

    def ensure_capacity(self) -> None:
        """Return in any case: a password that is remembered needs no room."""

    def _remembered(self, hashed: str) -> bytes | None:
        """Return the MAC of the password that made *hashed*, if that was checked a moment ago."""
        digest, until = self._verified.get(hashed, (b"", 0.0))
        if until <= self._now():
            self._verified.pop(hashed, None)
            return None
        return digest

    def _digest(self, password: bytes, hashed: str) -> bytes:
        """Return a MAC of both. The length tells them apart (unlike a mere concatenation)."""
        name = hashed.encode()
        return hmac.digest(self._key, len(name).to_bytes(4) + name + password, hashlib.sha256)
