"""How addresses were compared before: by IDNA2003. What is stored may have its key from then.

`Email.parse` has the rule of today. Nothing new is stored by this one: it is there so that whoever has such
an address is still found.
"""

import re
import unicodedata
from typing import Final

_MAX_LOCAL, _MAX_DOMAIN, _MAX_ADDRESS, _MAX_LABEL = 64, 255, 254, 63
_LOCAL: Final = re.compile(r"[^\s\"(),:;<>@\[\\\]]+")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def folded(text: str) -> str:
    """Case-fold and compose *text* so that folding it again changes nothing (Unicode 15, D146)."""
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", once).casefold())


def former_key(text: str) -> str | None:
    """Return what the address in *text* was compared by, or `None` if it was not taken then either."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > _MAX_ADDRESS:
        return None
    local, domain = folded(local), folded(domain)
    if len(domain) > _MAX_DOMAIN:  # a letter may become eighteen, and to encode takes the square of the time
        return None
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    key = f"{local}@{domain}"
    return key if _is_local_part(local) and _is_domain(domain) and len(key.encode()) <= _MAX_ADDRESS else None


def _is_local_part(local: str) -> bool:
    return (
        local.isprintable()
        and len(local.encode()) <= _MAX_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and all(local.split("."))
    )


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return len(domain) <= _MAX_DOMAIN and all(
        len(label) <= _MAX_LABEL and _LABEL.fullmatch(label) for label in labels
    )
