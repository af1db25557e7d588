"""Cursors as sealed boxes: nobody reads, changes or makes one, or opens it for another query."""

from typing import Final

from service.app.paging import CursorInvalid, Cursors
from service.infrastructure.security import base64url
from service.infrastructure.security.secret_box import SealedSecrets
from service.pkg.key_source import KeySource

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
        self._box = SealedSecrets(keys)

    def encode(self, position: str, query: str) -> str:
        """Return a cursor at *position* that is good for *query* only; never the same one twice."""
        return base64url.encode(self._box.encrypt(position.encode(), query))

    def decode(self, cursor: str, query: str) -> str:
        """Return the position in *cursor*, or raise `CursorInvalid`."""
        sealed = base64url.decode(cursor) if len(cursor) <= _LONGEST else None
        position = self._box.decrypt(sealed, query) if sealed else None
        if position is None:
            raise CursorInvalid
        return position.decode()
