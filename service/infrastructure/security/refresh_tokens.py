"""Refresh tokens as names with a MAC: nothing of them is stored, and a stolen database makes none."""

import base64
import hashlib
import hmac
import struct
from typing import Final
from uuid import UUID

from service.app.auth.tokens import RefreshTokens
from service.domain.session import RefreshTokenInvalid

_FORMAT: Final = struct.Struct(">B16sI")
_FORMAT_VERSION: Final = 1
_MAC_BYTES: Final = 32
_LENGTH: Final = len(base64.urlsafe_b64encode(bytes(_FORMAT.size + _MAC_BYTES)).rstrip(b"="))


class MacRefreshTokens(RefreshTokens):
    """Base64url of format, session and step, with an HMAC-SHA-256 of them.

    Args:
        key: 32 random bytes, the same for all workers.

    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, session_id: UUID, generation: int) -> str:
        """Return the token of a session at a step; always the same one."""
        name = _FORMAT.pack(_FORMAT_VERSION, session_id.bytes, generation)
        return _base64url(name + self._mac(name))

    def read(self, token: str) -> tuple[UUID, int]:
        """Return session and step, or raise `RefreshTokenInvalid`."""
        if len(token) != _LENGTH or not token.isascii():
            raise RefreshTokenInvalid
        try:
            data = base64.b64decode(token + "=" * (-_LENGTH % 4), b"-_", validate=True)
        except ValueError as error:
            raise RefreshTokenInvalid from error
        name, mac = data[: _FORMAT.size], data[_FORMAT.size :]
        if not hmac.compare_digest(mac, self._mac(name)):
            raise RefreshTokenInvalid
        version, session, generation = _FORMAT.unpack(name)
        read = UUID(bytes=session), generation
        # Also one token spelt otherwise, as base64 allows by its last bits and by "+" for "-", is none.
        if version != _FORMAT_VERSION or token != self.issue(*read):
            raise RefreshTokenInvalid
        return read

    def _mac(self, name: bytes) -> bytes:
        return hmac.digest(self._key, name, hashlib.sha256)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
