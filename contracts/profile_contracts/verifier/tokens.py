"""What an access token says, if it is genuine."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import jwt
from pydantic import Field, ValidationError

from profile_contracts.fields import Id, Result
from profile_contracts.profiles import Role

_ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"  # RFC 9068, 2.1: no other kind of JWT passes for an access token
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"]
_MAX_LENGTH: Final = 4096


class TokenRefused(Exception):
    """The token is not good.

    Attributes:
        reason: `token_invalid`, `token_expired` or `session_ended`, as the service itself would say.

    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CannotVerify(Exception):
    """Nobody can tell just now whether the token is good: neither what was heard here nor the service."""


class AccessClaims(Result):
    """What a good access token says."""

    sub: Annotated[Id, Field(description="The user.")]
    sid: Annotated[Id, Field(description="The session.")]
    role: Role
    amr: Annotated[
        tuple[str, ...],
        Field(description="How the user has logged in (RFC 8176): `pwd`, and `otp` with a second factor."),
    ] = ()
    iat: Annotated[int, Field(description="When the token was issued, in seconds since 1970.")]
    exp: Annotated[int, Field(description="When it expires, in seconds since 1970.")]
    jti: Annotated[str, Field(description="The name of this token.")]


def key_name(token: str) -> str:
    """Return the name of the key that *token* says it is signed with, or raise `TokenRefused`."""
    try:
        header = jwt.get_unverified_header(token) if len(token) <= _MAX_LENGTH else {}
    except (jwt.InvalidTokenError, ValueError):
        raise TokenRefused("token_invalid") from None
    name = header.get("kid")
    if header.get("typ") != _TYPE or not isinstance(name, str):
        raise TokenRefused("token_invalid")
    return name


def claims_of(token: str, key: jwt.PyJWK, issuer: str, audience: str, now: datetime) -> AccessClaims:
    """Return what *token* says, or raise `TokenRefused`."""
    claims = _genuine(token, key, issuer, audience)
    if now.timestamp() >= claims.exp:
        raise TokenRefused("token_expired")
    return claims


def _genuine(token: str, key: jwt.PyJWK, issuer: str, audience: str) -> AccessClaims:
    """Return what *token* says, though it may have expired, or raise `TokenRefused`."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=issuer,
            audience=audience,
            # Not `iat`: it would refuse the new token of a worker whose clock is ahead of ours. Nor `exp`:
            # PyJWT knows no clock but that of the machine.
            options={"require": _REQUIRED, "verify_iat": False, "verify_exp": False},
        )
        return AccessClaims.model_validate(claims)
    except (jwt.InvalidTokenError, ValidationError, ValueError):
        raise TokenRefused("token_invalid") from None


def milliseconds_of(session_id: UUID) -> int:
    """Return when a session was opened, in milliseconds since 1970: its id is a UUID of version 7."""
    return session_id.int >> 80
