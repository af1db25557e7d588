"""What is said about logins, tokens and keys."""

from typing import Annotated, Literal

from pydantic import Field

from contracts.fields import Email, Id, Request, Result, Secret


class LogIn(Request):
    """Exchange an e-mail address and a password for tokens."""

    email: Email
    password: Secret


class ListKeys(Request):
    """Ask for the public keys that access tokens are verified with."""


class Tokens(Result):
    """What a user holds after logging in."""

    access_token: str = Field(
        description="A JWT, `typ` at+jwt, EdDSA (RFC 9068). Send it as the header `authorization`."
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name (RFC 6750), no secret
    expires_in: Annotated[int, Field(gt=0, description="Seconds until the access token expires.")]
    refresh_token: str | None = Field(default=None, description="Not issued by this version.")
    profile_id: Id


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
