"""Cursors as sealed boxes: nobody reads, changes or makes one, or opens it for another query."""

import base64
import os
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from service.app.paging import CursorInvalid, Cursors
from service.pkg.key_source import KeySource

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
# Longer than any position that was ever sealed; what is longer is not worth a look.
_LONGEST: Final = 1024


class SealedCursors(Cursors):
    """Base64url of a random nonce and a position under ChaCha20-Poly1305 (RFC 8439).

    - It is *encrypted*, because a position may be the e-mail address of somebody, and cursors end up in
      the addresses of web pages, and so in logs (OWASP ASVS 5.0, 14.2.1).
    - It is *authenticated*, because what comes back is input: no position but one of ours gets near the
      database (OWASP ASVS 5.0, 2.2.1 and 11.3.3).
    - The query is its *associated data* (RFC 8439, 2.8), so that a cursor continues the list it came from
      and no other: a position among some profiles means nothing among others.

    Nonces are random: there is no counter that workers share. NIST SP 800-38D, 8.3, bounds that for
    nonces of 96 bits to 2**32 of them for one key. Were two ever the same, two positions might be
    guessed, but whoever asks has to have the right to the list all the same.

    Args:
        keys: 32 bytes each, the same for all workers, and for nothing else.

    """

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys

    def encode(self, position: str, query: str) -> str:
        """Return a cursor at *position* that is good for *query* only; never the same one twice."""
        nonce = os.urandom(_NONCE_BYTES)
        current, *_ = self._keys()
        return _base64url(nonce + ChaCha20Poly1305(current).encrypt(nonce, position.encode(), query.encode()))

    def decode(self, cursor: str, query: str) -> str:
        """Return the position in *cursor*, or raise `CursorInvalid`."""
        if len(cursor) > _LONGEST or not cursor.isascii():
            raise CursorInvalid
        try:
            data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except ValueError as error:
            raise CursorInvalid from error
        # Also one cursor spelt otherwise, as base64 allows by its last bits and by "+" for "-", is none.
        if len(data) < _NONCE_BYTES + _TAG_BYTES or cursor != _base64url(data):
            raise CursorInvalid
        for key in self._keys():
            with suppress(InvalidTag):
                box = ChaCha20Poly1305(key)
                return box.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], query.encode()).decode()
        raise CursorInvalid


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
