"""What is said about logins, tokens and keys."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import MISSING, Field

from profile_contracts.fields import AnySecret, Email, Id, NewPassword, Request, Result, Secret
from profile_contracts.profiles import Role


class LogIn(Request):
    """Exchange an e-mail address and a password for tokens."""

    email: Email
    password: Secret
    device_token: Annotated[
        Secret | MISSING,
        Field(description="That of the last login of this user on this device: strangers can't lock it out."),
    ] = MISSING


class Refresh(Request):
    """Exchange a refresh token for new tokens. Sent again, it gives the same until that is used."""

    refresh_token: AnySecret


class Scope(StrEnum):
    """Which sessions end: this one, all but this one, or all."""

    LOCAL = "local"
    OTHERS = "others"
    GLOBAL = "global"


class LogOut(Request):
    """End sessions of the user who asks."""

    scope: Scope


class VerifyToken(Request):
    """Ask whether an access token is good at this moment (RFC 7662)."""

    token: AnySecret


class ChangePassword(Request):
    """Change the password of the user who asks; all other sessions end."""

    current_password: Secret
    new_password: NewPassword


class ListKeys(Request):
    """Ask for the public keys that access tokens are verified with."""


class Tokens(Result):
    """What a user holds after logging in."""

    access_token: str = Field(
        description="A JWT, `typ` at+jwt, EdDSA (RFC 9068). Send it as the header `authorization`."
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name (RFC 6750), no secret
    expires_in: Annotated[int, Field(gt=0, description="Seconds until the access token expires.")]
    refresh_token: str = Field(description="Good for one `auth.refresh`, which gives the next one.")
    profile_id: Id
    device_token: Annotated[
        str | MISSING,
        Field(description="By `auth.login`, for the next one on this device. It lets nobody in."),
    ] = MISSING


class LoggedOut(Result):
    """How many sessions ended."""

    revoked: Annotated[int, Field(ge=0)]


class TokenIntrospection(Result):
    """Whether an access token is good. Of a dead one nothing else is said (RFC 7662, 2.2)."""

    active: bool
    sub: Id | MISSING = MISSING
    sid: Annotated[Id | MISSING, Field(description="The session.")] = MISSING
    role: Role | MISSING = MISSING
    exp: Annotated[int | MISSING, Field(description="When it expires, in seconds since 1970.")] = MISSING


class JsonWebKey(Result):
    """A public Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: str = Field(description="The public key, base64url.")
    kid: str = Field(description="Its RFC 7638 thumbprint; tokens name it in their header.")
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"


class JsonWebKeySet(Result):
    """The keys whose tokens are valid now (RFC 7517). Keep it for ten minutes at most."""

    keys: tuple[JsonWebKey, ...]
