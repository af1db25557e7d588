"""Refresh tokens as names with a MAC: nothing of them is stored, and a stolen database makes none."""

import struct
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from service.app.auth.tokens import RefreshTokens
from service.domain.session import RefreshTokenInvalid
from service.infrastructure.security.root_key import Purpose
from service.infrastructure.security.root_keyring import RootKeyring
from service.infrastructure.security.signed_names import is_signed, name_in, signed

# Version, key, session and step.
_FORMAT: Final = struct.Struct(">B8s16sI")
_VERSION: Final = 3
_KID: Final = slice(1, 9)
# The former ones do not name their key, which is the first one there was. The oldest has that itself for its
# MAC, the other one a key of its own.
_FORMER_FORMAT: Final = struct.Struct(">B16sI")
_WITH_ROOT_KEY, _WITHOUT_KID = 1, 2
_NAME_BYTES: Final = {
    _WITH_ROOT_KEY: _FORMER_FORMAT.size,
    _WITHOUT_KID: _FORMER_FORMAT.size,
    _VERSION: _FORMAT.size,
}
_SESSION_AND_STEP: Final = struct.Struct(">16sI")


class MacRefreshTokens(RefreshTokens):
    """Base64url of format, key, session and step, with an HMAC-SHA-256 of them.

    Args:
        keyring: The root keys: that of a token is known by its name, and whether it is in use is seen anew
            for each token.

    """

    def __init__(self, keyring: RootKeyring) -> None:
        self._keyring = keyring

    def issue(self, session_id: UUID, generation: int) -> str:
        """Return the token of a session at a step; always the same one while the same root key is current."""
        root = self._keyring.current
        name = _FORMAT.pack(_VERSION, bytes.fromhex(root.kid), session_id.bytes, generation)
        return signed(name, root.derive(Purpose.REFRESH_TOKENS))

    def read(self, token: str) -> tuple[UUID, int]:
        """Return session and step, or raise `RefreshTokenInvalid`."""
        name = name_in(token)
        is_known = bool(name) and len(name) == _NAME_BYTES.get(name[0])
        if not is_known or not is_signed(token, name, self._keys_of(name)):
            raise RefreshTokenInvalid
        session, generation = _SESSION_AND_STEP.unpack(name[-_SESSION_AND_STEP.size :])
        return UUID(bytes=session), generation

    def _keys_of(self, name: bytes) -> Sequence[bytes]:
        """Return what *name* may have been signed with: a key in use, or nothing."""
        roots = self._keyring.keys
        if name[0] == _WITH_ROOT_KEY:
            return [root.secret for root in roots if root.is_first]
        if name[0] == _WITHOUT_KID:
            return [root.derive(Purpose.REFRESH_TOKENS) for root in roots if root.is_first]
        kid = name[_KID].hex()
        return [root.derive(Purpose.REFRESH_TOKENS) for root in roots if root.kid == kid]
