"""Secrets that have to be read again, under ChaCha20-Poly1305 (RFC 8439) and a key of the root key."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from service.app.auth.second_factor import SecretBox
from service.pkg.key_source import KeySource

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class SealedSecrets(SecretBox):
    """A random nonce and what is encrypted. What it is about is its associated data.

    Args:
        keys: 32 bytes each, the same for all workers, and for nothing else.

    """

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys

    def encrypt(self, secret: bytes, about: str) -> bytes:
        """Return *secret* as it may be stored; never the same twice."""
        nonce = os.urandom(_NONCE_BYTES)
        current, *_ = self._keys()
        return nonce + ChaCha20Poly1305(current).encrypt(nonce, secret, about.encode())

    def decrypt(self, sealed: bytes, about: str) -> bytes | None:
        """Return what was sealed; nothing, if its key is not in use any more or it was changed."""
        return _opened(sealed, about, self._keys())

    def is_outdated(self, sealed: bytes, about: str) -> bool:
        """Return whether another key would be taken today."""
        return _opened(sealed, about, self._keys()[:1]) is None


def _opened(sealed: bytes, about: str, keys: Sequence[bytes]) -> bytes | None:
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        return None
    for key in keys:
        with suppress(InvalidTag):
            box = ChaCha20Poly1305(key)
            return box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
    return None
