"""E-mail addresses: kept as typed, compared by a key."""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Self

import idna

from service.domain.email_idna2003 import folded, former_key
from service.domain.errors import Invalid

# RFC 5321, 4.5.3.1: octets of the local part, of the domain, and of both with the "@".
_MAX_LOCAL, _MAX_DOMAIN, _MAX_ADDRESS = 64, 255, 254
_MAX_LABEL = 63  # RFC 1035, 2.3.4
# RFC 5322 "dot-atom" in ASCII; quoted local parts are not taken. What else is taken, `_is_identifier` says.
_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff]+")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MOST_MARKS: Final = 30  # on one letter: UAX #15, "Stream-Safe Text Format"


class EmailMalformed(Invalid):
    """A text cannot be the address that somebody wants to have."""

    reason = "email_malformed"
    message = "This is not an e-mail address."
    field = "email"


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address.

    Attributes:
        typed: The address as its owner wrote it; mail goes there.
        key: What two spellings of one address have in common: the local part under NFKC and case folding,
            the domain as IDNA2008 writes it in ASCII (RFC 5891), mapped by UTS 46 without its transition.
            Dots and plus signs keep their meaning: it differs by provider.

    """

    typed: str
    key: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in *text*, which somebody wants to have, or raise `EmailMalformed`.

        Beyond ASCII, the local part holds what PRECIS lets an identifier hold (RFC 8264, 4.2, and the bidi
        rule of RFC 8265, 3.3): letters, digits and marks, and nothing that cannot be seen. Case folding
        makes more alike than RFC 8265 asks for, so that no two people of one domain differ by that alone.
        """
        local, at, domain = text.rpartition("@")
        if not at or len(text) > _MAX_ADDRESS:  # the length first: what follows takes time for each letter
            raise EmailMalformed
        local, domain = _local_key(local), _domain_key(domain)
        key = f"{local}@{domain}"
        if len(key.encode()) > _MAX_ADDRESS:
            raise EmailMalformed
        return cls(typed=text, key=key)

    @classmethod
    def recognised(cls, text: str) -> Self:
        """Return the address in *text*, by which somebody may be known already, or raise `EmailMalformed`.

        Rules are for what is new. Of an address that was stored before them, the key is the former one.
        """
        try:
            return cls.parse(text)
        except EmailMalformed:
            if (key := former_key(text)) is None:
                raise
            return cls(typed=text, key=key)

    @property
    def current_key(self) -> str:
        """What it would be compared by if it were typed today; the key may be one of a former rule."""
        try:
            return self.recognised(self.typed).key
        except EmailMalformed:
            return self.key


def email_prefix(text: str) -> str:
    """Return how the keys of addresses begin that *text* is the beginning of.

    Of a domain that is not ASCII, each part has to be whole: the ASCII form of a part says nothing of
    how it goes on.
    """
    local, at, domain = text.partition("@")
    with suppress(UnicodeError):  # what has no ASCII form begins no address
        labels = idna.uts46_remap(domain, std3_rules=False).split(".")
        domain = ".".join(each if each.isascii() else idna.alabel(each).decode() for each in labels)
    return folded(local) + at + domain


def _local_key(local: str) -> str:
    key = folded(local)
    if _LOCAL.fullmatch(key) is None or not all(part and _is_identifier(part) for part in key.split(".")):
        raise EmailMalformed
    if len(key.encode()) > _MAX_LOCAL:
        raise EmailMalformed
    return key


def _is_identifier(part: str) -> bool:
    """Return whether all of *part* that is not ASCII is of PRECIS' IdentifierClass, and in its place.

    Of letters that are folded already, that class is the same as IDNA2008's (RFC 8264, 9; RFC 5892).
    """
    try:
        idna.check_initial_combiner(part)
        idna.check_bidi(part)
        return all(_may_stand(part, place) for place in range(len(part))) and not _is_piled_up(part)
    except ValueError:  # also IDNA's own
        return False


def _may_stand(part: str, place: int) -> bool:
    letter = part[place]
    classes = idna.idnadata.codepoint_classes
    if letter.isascii() or idna.intranges_contain(ord(letter), classes["PVALID"]):
        return True
    if idna.intranges_contain(ord(letter), classes["CONTEXTJ"]):
        return idna.valid_contextj(part, place)
    return idna.intranges_contain(ord(letter), classes["CONTEXTO"]) and idna.valid_contexto(part, place)


def _is_piled_up(part: str) -> bool:
    """Return whether *part* has a letter with so many marks that it covers what is around it."""
    return any(is_mark and len(list(run)) > _MOST_MARKS for is_mark, run in groupby(part, _is_mark))


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


def _domain_key(domain: str) -> str:
    try:
        # UTS 46 drops what cannot be seen; in an address that somebody wants to have, it is refused.
        if not all(idna.uts46_remap(each, std3_rules=False) for each in domain):
            raise EmailMalformed
        labels = [_ascii_label(each) for each in idna.uts46_remap(domain).split(".")]
    except UnicodeError as error:
        raise EmailMalformed from error
    if sum(map(len, labels)) + len(labels) - 1 > _MAX_DOMAIN:
        raise EmailMalformed
    return ".".join(labels)


def _ascii_label(label: str) -> str:
    """Return *label* in ASCII, or raise `EmailMalformed` or `UnicodeError`."""
    # No label is shorter in ASCII, and to make a long one costs the square of its length.
    if len(label) > _MAX_LABEL or _is_piled_up(label):
        raise EmailMalformed
    # Hyphens as third and fourth letter are IDNA's concern only where they say that it is IDNA.
    is_plain = label.isascii() and not label.startswith("xn--")
    ascii_label = label if is_plain else idna.alabel(label).decode()
    if len(ascii_label) > _MAX_LABEL or _LABEL.fullmatch(ascii_label) is None:
        raise EmailMalformed
    return ascii_label
