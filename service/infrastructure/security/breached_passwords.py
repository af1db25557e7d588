"""Passwords that have leaked, by a file of their SHA-1 digests, as Have I Been Pwned publishes them."""

import asyncio
import os
import re
from hashlib import sha1
from pathlib import Path
from typing import Final

from service.app.auth.passwords import BreachedPasswords

_DIGITS: Final = 40
# Digest, colon, count, and two characters at the end of the line, and some more.
_LONGEST_LINE: Final = 80
_DIGEST: Final = re.compile(rb"[0-9A-Fa-f]{40}(:[0-9]+)?\r?\n")


class BreachedPasswordFile(BreachedPasswords):
    """Looks in a sorted file where it lies: tens of gigabytes are neither loaded nor read through.

    One look is some thirty reads of a line, in a thread. The file stays open for as long as the process
    lives: one that takes its name later is read after the next start.

    Args:
        path: Lines of a digest in hexadecimal, perhaps a colon and how often it was seen; in order.

    Raises:
        OSError: It cannot be read, or does not begin so; says which.

    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._file).st_size
        if not _DIGEST.match(os.pread(self._file, _LONGEST_LINE, 0)):
            os.close(self._file)
            message = f"{path} does not begin with a line of a SHA-1 digest, as BREACHED_PASSWORDS needs it."
            raise OSError(message)

    async def contains(self, password: str) -> bool:
        """Return whether *password* is in the file."""
        digest = sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        return await asyncio.to_thread(self._is_listed, digest)

    def _is_listed(self, digest: bytes) -> bool:
        # The line with it, if there is one, begins at *low* or after, and before *high*.
        low, high = 0, self._size
        while low < high:
            middle = (low + high) // 2
            begin, found = self._line_from(middle)
            if begin >= high or found > digest:
                high = middle
            elif found < digest:
                low = begin + 1
            else:
                return True
        return False

    def _line_from(self, place: int) -> tuple[int, bytes]:
        """Return where the first line begins that begins at *place* or after, and its digest."""
        # One character more, to see whether a line begins right there.
        read = os.pread(self._file, 2 * _LONGEST_LINE, max(0, place - 1))
        begin = 0 if place == 0 else read.find(b"\n") + 1
        if place and not begin:  # it is the last line that *place* is in
            return self._size, b""
        digest = read[begin : begin + _DIGITS].upper()
        return (begin if place == 0 else place - 1 + begin), digest
