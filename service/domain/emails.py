"""E-mail addresses: kept as typed, compared by a key."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

from service.domain.errors import Invalid

# RFC 5321, 4.5.3.1: octets of the local part, of the domain, and of both with the "@".
_MAX_LOCAL, _MAX_DOMAIN, _MAX_ADDRESS = 64, 255, 254
_MAX_LABEL = 63  # RFC 1035, 2.3.4
# RFC 5321 "Dot-string", with RFC 6531's letters beyond ASCII. Quoted local parts are not taken.
_LOCAL: Final = re.compile(r"[^\s\"(),:;<>@\[\\\]]+")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class EmailMalformed(Invalid):
    """This is not an e-mail address."""

    field = "email"


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address.

    Attributes:
        typed: The address as its owner wrote it; mail goes there.
        key: What two spellings of one address have in common: NFKC, case-folded, the domain in its
            ASCII form (RFC 5890). Dots and plus signs keep their meaning: it differs by provider.

    """

    typed: str
    key: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in *text*, or raise `EmailMalformed`."""
        local, at, domain = text.rpartition("@")
        if not at:
            raise EmailMalformed
        local, domain = _fold(local), _ascii_domain(domain)
        key = f"{local}@{domain}"
        if not _is_local_part(local) or len(key.encode()) > _MAX_ADDRESS:
            raise EmailMalformed
        return cls(typed=text, key=key)


def email_prefix(text: str) -> str:
    """Return how the keys of addresses begin that *text* is the beginning of.

    Of a domain that is not ASCII, each part has to be whole: the ASCII form of a part says nothing of
    how it goes on.
    """
    local, at, domain = text.partition("@")
    domain = _fold(domain)
    with suppress(UnicodeError):  # what has no ASCII form begins no address
        domain = _to_ascii(domain)
    return _fold(local) + at + domain


def _fold(text: str) -> str:
    """Case-fold and compose *text* so that folding it again changes nothing (Unicode 15, D146)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def _is_local_part(local: str) -> bool:
    # Not printable are control characters, lone surrogates, and what nobody can see: two addresses
    # must not look alike.
    return (
        local.isprintable()
        and len(local.encode()) <= _MAX_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and all(local.split("."))
    )


def _to_ascii(domain: str) -> str:
    """Return the ASCII form of a folded *domain* (RFC 3490), or raise `UnicodeError`.

    Lengths come first: no form is shorter than what it stands for, and to make one costs the square of it.
    """
    if len(domain) > _MAX_DOMAIN or any(len(label) > _MAX_LABEL for label in domain.split(".")):
        msg = "label or domain too long"
        raise UnicodeError(msg)
    return domain.encode("idna").decode("ascii").lower()


def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = _to_ascii(_fold(domain))
    except UnicodeError as error:
        raise EmailMalformed from error
    labels = ascii_domain.split(".")
    if len(ascii_domain) > _MAX_DOMAIN or not all(
        len(label) <= _MAX_LABEL and _LABEL.fullmatch(label) for label in labels
    ):
        raise EmailMalformed
    return ascii_domain
