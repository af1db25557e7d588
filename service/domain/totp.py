"""Codes of a second factor: those that an app shows (TOTP, RFC 6238), and recovery codes."""

import base64
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

_SECONDS: Final = 30
_DIGITS: Final = 6
# RFC 4226, 4: as long as a SHA-1. Apps know no other digest for certain.
_SECRET_BYTES: Final = 20
# A clock may be so many steps off (RFC 6238, 5.2).
_DRIFT: Final = 1
RECOVERY_CODES: Final = 10
# 80 bits: nobody guesses them, whatever they are hashed by.
_RECOVERY_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class Totp:
    """The second factor of a user.

    Attributes:
        sealed_secret: What the codes follow from, encrypted.
        last_step: The time step of the code that was used last: it is good no more, nor are those before.
        recovery_digests: Of the recovery codes that were not used.

    """

    sealed_secret: bytes = field(repr=False)
    last_step: int
    recovery_digests: tuple[bytes, ...] = field(default=(), repr=False)


def new_secret() -> bytes:
    """Return a secret for one user."""
    return os.urandom(_SECRET_BYTES)


def written(secret: bytes) -> str:
    """Return *secret* as apps take it."""
    return base64.b32encode(secret).decode()


def uri_of(secret: bytes, issuer: str, account: str) -> str:
    """Return what apps read from a QR code (Key Uri Format of Google Authenticator)."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    values = {"secret": written(secret), "issuer": issuer, "algorithm": "SHA1", "digits": _DIGITS}
    return f"otpauth://totp/{label}?{urlencode({**values, 'period': _SECONDS}, quote_via=quote)}"


def step_at(now: datetime) -> int:
    """Return the time step of a moment."""
    return int(now.timestamp()) // _SECONDS


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0xF
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 10**_DIGITS:0{_DIGITS}}"


def matching_step(secret: bytes, code: str, now: datetime, after: int = -1) -> int | None:
    """Return the time step around *now* that *code* is of, if that is *after* one, or `None`."""
    if not is_code(code):  # nor could it be compared, if it is not ASCII
        return None
    current = step_at(now)
    steps = [each for each in range(current - _DRIFT, current + _DRIFT + 1) if each > after]
    return next((each for each in steps if hmac.compare_digest(code_at(secret, each), code)), None)


def is_code(text: str) -> bool:
    """Return whether *text* looks like a code of an app, and not like a recovery code."""
    return len(text) == _DIGITS and text.isascii() and text.isdecimal()


def new_recovery_code() -> str:
    """Return a code that stands in for the app once, for who has lost it: `abcd-efgh-ijkl-mnop`."""
    text = base64.b32encode(os.urandom(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[each : each + 4] for each in range(0, len(text), 4))


def recovery_digest(profile_id: UUID, code: str) -> bytes:
    """Return what is stored of a recovery code, however it is typed."""
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(profile_id.bytes + plain.encode(errors="surrogatepass")).digest()
