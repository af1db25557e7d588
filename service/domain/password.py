"""What a password has to be."""

import unicodedata
from typing import Final

from service.domain.email import Email
from service.domain.errors import Invalid

# The floor of NIST SP 800-63B for a password that is not alone, which counts code points as characters.
MIN_CHARACTERS: Final = 8
# bcrypt reads no more.
MAX_BYTES: Final = 72
# Longer than any is by whatever scheme.
MOST_BYTES: Final = 1024
# NFKC makes one character of four at most (UAX #15, table "Maximum Expansion Factors").
_MOST_FOR_ONE: Final = 4


class PasswordTooShort(Invalid):
    """Below the floor of NIST SP 800-63B."""

    reason = "password_too_short"
    message = "The password has fewer than 8 characters."
    field = "password"


class PasswordTooLong(Invalid):
    """More than bcrypt reads, or more than anybody types."""

    reason = "password_too_long"
    message = "The password has more than 72 bytes of UTF-8, or than 1024 where argon2id is used."
    field = "password"


class PasswordMalformed(Invalid):
    """It cannot be hashed as it is."""

    reason = "password_malformed"
    message = "The password holds a NUL or is no Unicode text."
    field = "password"


def password_bytes(password: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Return *password* as it is hashed: NFKC, UTF-8, at most so many bytes, none of them NUL.

    NFKC, so that one password typed on two keyboards is one password (NIST SP 800-63B, 5.1.1.2).
    bcrypt ends a password at NUL, so that many passwords with one would be equal.

    Raises:
        PasswordTooLong, PasswordMalformed

    """
    if len(password) > max_bytes * _MOST_FOR_ONE:  # before any work on it
        raise PasswordTooLong
    try:
        encoded = unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError as error:
        raise PasswordMalformed from error
    if b"\0" in encoded:
        raise PasswordMalformed
    if len(encoded) > max_bytes:
        raise PasswordTooLong
    return encoded


def new_password_bytes(password: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a password that somebody wants to have from now on.

    Raises:
        PasswordTooShort, PasswordTooLong, PasswordMalformed

    """
    encoded = password_bytes(password, max_bytes)
    if len(encoded.decode()) < MIN_CHARACTERS:
        raise PasswordTooShort
    return encoded


def personal_words(first_name: str, last_name: str, email: Email) -> tuple[str, ...]:
    """Return the words that a password must not be made from; the longest first."""
    local, _, domain = email.key.partition("@")
    words = {first_name, last_name, email.key, local, domain, domain.partition(".")[0]}
    return tuple(sorted((word for word in words if len(word) > _SHORT), key=len, reverse=True))


_SHORT = 2
