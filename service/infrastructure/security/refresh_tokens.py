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
# The first one has the root key itself for its MAC, the second one a key of its own.
_FORMER_VERSION, _VERSION = 1, 2
_MAC_BYTES: Final = 32
_LENGTH: Final = len(base64.urlsafe_b64encode(bytes(_FORMAT.size + _MAC_BYTES)).rstrip(b"="))


class MacRefreshTokens(RefreshTokens):
    """Base64url of format, session and step, with an HMAC-SHA-256 of them.

    Args:
        key: 32 bytes, the same for all workers, and for nothing else.
        former_key: That of tokens that version 0.1 has issued, which are good as long as their sessions.

    """

    def __init__(self, key: bytes, former_key: bytes) -> None:
        self._keys = {_FORMER_VERSION: former_key, _VERSION: key}

    def issue(self, session_id: UUID, generation: int) -> str:
        """Return the token of a session at a step; always the same one."""
        return self._issue(_VERSION, session_id, generation)

    def _issue(self, version: int, session_id: UUID, generation: int) -> str:
        name = _FORMAT.pack(version, session_id.bytes, generation)
        return _base64url(name + hmac.digest(self._keys[version], name, hashlib.sha256))

    def read(self, token: str) -> tuple[UUID, int]:
        """Return session and step, or raise `RefreshTokenInvalid`."""
        if len(token) != _LENGTH or not token.isascii():
            raise RefreshTokenInvalid
        try:
            data = base64.b64decode(token + "=" * (-_LENGTH % 4), b"-_", validate=True)
        except ValueError as error:
            raise RefreshTokenInvalid from error
        version, session, generation = _FORMAT.unpack(data[: _FORMAT.size])
        if version not in self._keys:
            raise RefreshTokenInvalid
        read = UUID(bytes=session), generation
        # The whole spelling: as base64 allows another by its last bits and by "+" for "-", and that is none.
        if not hmac.compare_digest(token, self._issue(version, *read)):
            raise RefreshTokenInvalid
        return read


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
