"""What is said about logins, tokens and keys."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import MISSING, Field

from profile_contracts.fields import AnySecret, Email, Id, NewPassword, Request, Result, Secret, Timestamp
from profile_contracts.profiles import Role


class LogIn(Request):
    """Exchange an e-mail address and a password for tokens."""

    email: Email
    password: Secret
    device_token: Annotated[
        Secret | MISSING,
        Field(description="That of the last login of this user on this device: strangers can't lock it out."),
    ] = MISSING
    otp: Annotated[
        Secret | MISSING,
        Field(description="A code of the app, or a recovery code, if there is a second factor."),
    ] = MISSING
    refresh_token: Annotated[
        AnySecret | MISSING,
        Field(
            description="Of a session that ends: the new one takes its place. If it is not good, none ends."
        ),
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
    """End sessions of the user who asks, or as administrator of another one."""

    scope: Annotated[Scope | MISSING, Field(description="Which; unless `session_id` names one.")] = MISSING
    session_id: Annotated[Id | MISSING, Field(description="One of `auth.sessions`, or the present one.")] = (
        MISSING
    )
    user_id: Annotated[
        Id | MISSING,
        Field(description="Whose, as administrator: with `session_id`, or with the scope `global`."),
    ] = MISSING
    current_password: Annotated[
        Secret | MISSING,
        Field(description="Of a user who ends other sessions than this one, if the service asks for it."),
    ] = MISSING


class ListSessions(Request):
    """Ask where a user is logged in."""

    user_id: Annotated[Id | MISSING, Field(description="If it is not the user who asks.")] = MISSING


class UnlockAccount(Request):
    """Take back the wrong passwords that strangers have tried, so that the user can log in at once."""

    id: Id


class VerifyToken(Request):
    """Ask whether an access token is good at this moment (RFC 7662)."""

    token: AnySecret


class ChangePassword(Request):
    """Change the password of the user who asks; all sessions end, and a new one begins."""

    current_password: Secret
    new_password: NewPassword


class StartReset(Request):
    """Ask for a token by which the user with this address sets a new password."""

    email: Email


class ResetPassword(Request):
    """Set a new password by a token; all sessions end."""

    token: AnySecret
    new_password: NewPassword


class StartVerification(Request):
    """Ask for a token to send to the address of a profile: who has it reads the mails there."""

    id: Id


class VerifyEmail(Request):
    """Show that the mails to an address are read."""

    token: AnySecret


class EnrollTotp(Request):
    """Ask for a secret for an app that shows codes (TOTP, RFC 6238)."""

    current_password: Secret


class ConfirmTotp(Request):
    """Make the app the second factor, by a code of it."""

    enrolment: Annotated[AnySecret, Field(description="That of `auth.totp_enroll`.")]
    otp: Secret


class RemoveTotp(Request):
    """Take the second factor away: one's own, or as administrator that of another user."""

    id: Annotated[Id | MISSING, Field(description="If it is not the user who asks.")] = MISSING
    current_password: Annotated[Secret | MISSING, Field(description="Required of users for their own.")] = (
        MISSING
    )


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


OneTimeToken = Annotated[
    str,
    Field(description="Good once, and until the password or the address changes. Send it to that address."),
]
TokenSeconds = Annotated[int, Field(gt=0, description="Seconds until it expires.")]


class ResetStarted(Result):
    """What to send, to which address, and whose it is."""

    token: OneTimeToken
    profile_id: Id
    email: Annotated[
        str, Field(description="Send it there. What was typed may be the address of somebody else.")
    ]
    expires_in: TokenSeconds


class PasswordReset(Result):
    """Whose password was set."""

    profile_id: Id


class VerificationStarted(Result):
    """What to send, and to which address."""

    token: OneTimeToken
    email: str
    expires_in: TokenSeconds


class TotpEnrolment(Result):
    """What an app needs. It is the second factor once `auth.totp_confirm` has come with a code of it."""

    secret: Annotated[str, Field(description="In base32, to be typed.")]
    uri: Annotated[str, Field(description="The same as `otpauth://`, to be shown as a QR code.")]
    enrolment: Annotated[str, Field(description="For `auth.totp_confirm`.")]
    expires_in: TokenSeconds


class RecoveryCodes(Result):
    """Codes that stand in for the app, once each. They are shown this once."""

    recovery_codes: tuple[str, ...]


class LoggedOut(Result):
    """How many sessions ended."""

    revoked: Annotated[int, Field(ge=0)]


class Session(Result):
    """One login of a user. A gateway says where it was, by the headers `x-client-ip` and `x-user-agent`."""

    id: Id
    created_at: Timestamp
    last_used_at: Annotated[Timestamp, Field(description="When its refresh token was used last.")]
    client_ip: Annotated[
        str | MISSING, Field(description="The address of IPv4, or the network (/64) of IPv6.")
    ] = MISSING
    user_agent: str | MISSING = MISSING
    current: Annotated[bool, Field(description="Whether it is the one that is asked in.")]


class SessionList(Result):
    """All sessions of a user, the one that was used last first."""

    items: tuple[Session, ...]


class Unlocked(Result):
    """The account is unlocked: there is no more to say."""


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
