"""Passwords in addresses: what would end them too early has to be percent-encoded."""

import re
from typing import Final

ENCODED: Final = "in a password, every / ? # : @ has to be percent-encoded"


def require_encoded(url: str) -> None:
    """Return if no password of *url* can reach behind the host.

    A driver takes what follows a `/`, `?` or `#` for a database or for options, and quotes it in its errors.

    Raises:
        ValueError: There is an `@` behind one of these; the sentence shows nothing of it.

    """
    _, _, rest = url.partition("://")
    _, *behind = re.split("[/?#]", rest, maxsplit=1)
    if any("@" in each for each in behind):
        raise ValueError(ENCODED)
