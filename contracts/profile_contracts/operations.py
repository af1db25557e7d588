"""The table of operations, one row for each queue. Document, subscribers and topology are made from it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel

from profile_contracts.auth import (
    ChangePassword,
    ConfirmTotp,
    EnrollTotp,
    JsonWebKeySet,
    ListKeys,
    ListSessions,
    LoggedOut,
    LogIn,
    LogOut,
    PasswordReset,
    RecoveryCodes,
    Refresh,
    RemoveTotp,
    ResetPassword,
    ResetStarted,
    SessionList,
    StartReset,
    StartVerification,
    TokenIntrospection,
    Tokens,
    TotpEnrolment,
    UnlockAccount,
    Unlocked,
    VerificationStarted,
    VerifyEmail,
    VerifyToken,
)
from profile_contracts.fields import Request
from profile_contracts.posts import (
    CreatePost,
    DeletedPost,
    DeletePost,
    GetPost,
    ListPosts,
    Post,
    PostPage,
    UpdatePost,
)
from profile_contracts.profiles import (
    CreateProfile,
    DeletedProfile,
    DeleteProfile,
    ErasedProfile,
    EraseProfile,
    ExportedProfile,
    ExportProfile,
    FindProfile,
    GetProfile,
    ListProfiles,
    Profile,
    ProfilePage,
    PublicProfile,
    RestoreProfile,
    UpdateProfile,
)
from profile_contracts.replies import ErrorCode

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")


class Kind(StrEnum):
    """Whether an operation changes anything. Commands wait in quorum queues, queries in classic ones."""

    COMMAND = "command"
    QUERY = "query"


# How whoever asks is authenticated: not at all, or by a bearer token (RFC 6750) or a trusted broker user.
Authentication = Literal["none", "bearer"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation(Generic[RequestT, ResultT]):
    """One thing the service can be asked to do.

    Attributes:
        queue: Where requests go; also their routing key on the exchange `profile.commands`.
        summary: One sentence for people.
        kind: Command or query.
        request: The body of a request.
        results: The possible bodies of a result, the usual one first.
        actor: Who may ask, in words.
        authentication: Whether it reads the access token in the header `authorization`.
        needs_actor: Whether anonymous requests are always refused.
        errors: Refusals of its own, by reason. `COMMON_ERRORS` come on top.
        idempotent: True if asking twice leaves the same state as asking once.
        example: A request and its result, as JSON values.

    """

    queue: str
    summary: str
    kind: Kind
    request: type[RequestT]
    results: tuple[type[BaseModel], ...]
    actor: str
    authentication: Authentication
    needs_actor: bool
    errors: dict[str, ErrorCode]
    idempotent: bool
    example: tuple[dict[str, Any], dict[str, Any]]

    @property
    def resendable(self) -> bool:
        """Whether it may be sent again under the same `message_id` when the reply was lost.

        Everything has its effect once, but for what opens another session each time. What is shown once is
        not shown again.
        """
        return self.queue not in {"auth.login", "auth.change_password", "auth.totp_confirm"}

    @property
    def needs_second_factor(self) -> bool:
        """Whether it is refused to a user who needs a second factor, and has shown no code in this session.

        What is left is to enroll one, and to see and end one's own sessions.
        """
        without = {"auth.totp_enroll", "auth.totp_confirm", "auth.sessions", "auth.logout"}
        return self.authentication == "bearer" and self.queue not in without

    @property
    def dead_letters(self) -> str:
        """The queue for what is left of requests that could not be handled."""
        return f"{self.queue}.dlq"


# What may be kept of a request in dead letters: neither secret nor personal.
NON_PERSONAL_FIELDS: Final = frozenset({"id", "expected_version"})

COMMON_ERRORS: Final[dict[str, ErrorCode]] = {
    "malformed_json": ErrorCode.INVALID,
    "malformed_request": ErrorCode.INVALID,
    "message_too_large": ErrorCode.INVALID,
    "message_id_malformed": ErrorCode.INVALID,
    "unknown_operation": ErrorCode.INVALID,
    "unsupported_content_type": ErrorCode.INVALID,
    "out_of_time": ErrorCode.DEADLINE_EXCEEDED,
    "database_unavailable": ErrorCode.UNAVAILABLE,
    "overloaded": ErrorCode.UNAVAILABLE,
    "service_timeout": ErrorCode.UNAVAILABLE,
    "internal_error": ErrorCode.INTERNAL,
}
_FACTOR_ERRORS: Final[dict[str, ErrorCode]] = {"second_factor_needed": ErrorCode.FORBIDDEN}
_ACTOR_ERRORS: Final[dict[str, ErrorCode]] = {
    "missing_token": ErrorCode.UNAUTHENTICATED,
    "token_invalid": ErrorCode.UNAUTHENTICATED,
    "token_expired": ErrorCode.UNAUTHENTICATED,
    "session_ended": ErrorCode.UNAUTHENTICATED,
}
_OWN_ERRORS: Final[dict[str, ErrorCode]] = {
    **_ACTOR_ERRORS,
    "not_allowed": ErrorCode.FORBIDDEN,
    "profile_not_found": ErrorCode.NOT_FOUND,
}
_PROFILE_ERRORS: Final[dict[str, ErrorCode]] = {**_OWN_ERRORS, **_FACTOR_ERRORS}
_POST_ERRORS: Final[dict[str, ErrorCode]] = {
    **_ACTOR_ERRORS,
    **_FACTOR_ERRORS,
    "not_allowed": ErrorCode.FORBIDDEN,
    "post_not_found": ErrorCode.NOT_FOUND,
}
_EMAIL_ERRORS: Final[dict[str, ErrorCode]] = {
    "email_malformed": ErrorCode.INVALID,
    "email_taken": ErrorCode.CONFLICT,
}
_NAMED_ERRORS: Final[dict[str, ErrorCode]] = {"message_id_reused": ErrorCode.CONFLICT}
_ATTRIBUTE_ERRORS: Final[dict[str, ErrorCode]] = {"attributes_too_large": ErrorCode.INVALID}
_CREATE_ERRORS: Final[dict[str, ErrorCode]] = {**_NAMED_ERRORS, "too_many_writers": ErrorCode.CONFLICT}
_WRITE_ERRORS: Final[dict[str, ErrorCode]] = {**_CREATE_ERRORS, "stale_version": ErrorCode.CONFLICT}

_LIST_ERRORS: Final[dict[str, ErrorCode]] = {"cursor_invalid": ErrorCode.INVALID}
_PASSWORD_ERRORS: Final[dict[str, ErrorCode]] = {
    "password_too_short": ErrorCode.INVALID,
    "password_too_long": ErrorCode.INVALID,
    "password_malformed": ErrorCode.INVALID,
    "password_too_common": ErrorCode.INVALID,
    "password_too_personal": ErrorCode.INVALID,
    "password_breached": ErrorCode.INVALID,
    "password_too_weak": ErrorCode.INVALID,
}
_LOGIN_ERRORS: Final[dict[str, ErrorCode]] = {
    "invalid_credentials": ErrorCode.UNAUTHENTICATED,
    "too_many_attempts": ErrorCode.RATE_LIMITED,
    "attempts_in_flight": ErrorCode.UNAVAILABLE,
}

_TOKEN_ERRORS: Final[dict[str, ErrorCode]] = {
    **_CREATE_ERRORS,
    "one_time_token_invalid": ErrorCode.UNAUTHENTICATED,
}

_ID: Final = "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - an example
_PROFILE: Final[dict[str, Any]] = {
    "id": _ID,
    "oid": "6741f0a2c3b4d5e6f7a8b9c0",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "Ada@Example.org",
    "role": "user",
    "status": "active",
    "created_at": "2026-11-22T09:30:00.000Z",
    "updated_at": "2026-11-22T09:30:00.000Z",
    "version": 1,
    "email_verified": False,
    "attributes": {"locale": "en-GB", "newsletter": True},
    "totp_enrolled": False,
}
_STORED_PROFILE: Final = {
    **{name: value for name, value in _PROFILE.items() if name not in ("email_verified", "totp_enrolled")},
    "verified_email_key": None,
}

_CURSOR: Final = "q1Zr9o0mBq3T9H2b6Jw5l3kC0xY7nE4uRtVdPzGfA8sQyWhXKjLmNoIcUeObTaFv"
_SESSION: Final = "0193a5b0-9d2f-7c4b-8e60-51a7d3f0b2c8"
_TOKENS: Final[dict[str, Any]] = {
    "access_token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "AQGTpbCdL3xLjmBRp9PwssgAAAAA",
    "profile_id": _ID,
}

_ENROLMENT: Final = "q83vEjRWeJASNFZ4kBI0Vnj7hJ2sL0mB5wT8"
_ONE_TIME_TOKEN: Final = "AQEBk6WwfB59OptfP44qbE0QAAAAAGkhtXg"  # noqa: S105 - the beginning of one

_POST_ID: Final = "0193a5b0-b3a1-7f2e-a4d8-6c0b9e1f2a37"
_POST: Final[dict[str, Any]] = {
    "id": _POST_ID,
    "oid": "6741f0b1c3b4d5e6f7a8b9c1",
    "user_id": _ID,
    "title": "Notes on the Analytical Engine",
    "body": "It weaves algebraic patterns,\njust as the Jacquard loom weaves flowers and leaves.",
    "status": "active",
    "created_at": "2026-11-22T09:40:00.000Z",
    "updated_at": "2026-11-22T09:40:00.000Z",
    "version": 1,
}

PROFILE_CREATE: Final[Operation[CreateProfile, Profile]] = Operation(
    queue="profile.create",
    summary="Sign a user up.",
    kind=Kind.COMMAND,
    request=CreateProfile,
    results=(Profile,),
    actor="none; a role other than `user`: administrator or trusted service",
    authentication="bearer",
    needs_actor=False,
    errors={
        **_ACTOR_ERRORS,
        **_FACTOR_ERRORS,
        "role_not_allowed": ErrorCode.FORBIDDEN,
        "profile_not_found": ErrorCode.NOT_FOUND,
        **_EMAIL_ERRORS,
        **_ATTRIBUTE_ERRORS,
        **_PASSWORD_ERRORS,
        **_CREATE_ERRORS,
    },
    idempotent=False,
    example=(
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "Ada@Example.org",
            "password": _PASSWORD,
            "attributes": {"locale": "en-GB", "newsletter": True},
        },
        _PROFILE,
    ),
)
PROFILE_GET: Final[Operation[GetProfile, Profile | PublicProfile]] = Operation(
    queue="profile.get",
    summary="Read a profile: all of it as its owner, administrator or trusted service, else the public view.",
    kind=Kind.QUERY,
    request=GetProfile,
    results=(Profile, PublicProfile),
    actor="any user or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_ACTOR_ERRORS, **_FACTOR_ERRORS, "profile_not_found": ErrorCode.NOT_FOUND},
    idempotent=True,
    example=({"id": _ID}, _PROFILE),
)
PROFILE_UPDATE: Final[Operation[UpdateProfile, Profile]] = Operation(
    queue="profile.update",
    summary="Change some fields of a profile.",
    kind=Kind.COMMAND,
    request=UpdateProfile,
    results=(Profile,),
    actor="the user, administrator or trusted service; `role` and `status`: administrator",
    authentication="bearer",
    needs_actor=True,
    errors={
        **_PROFILE_ERRORS,
        **_EMAIL_ERRORS,
        **_ATTRIBUTE_ERRORS,
        **_WRITE_ERRORS,
        "last_admin": ErrorCode.CONFLICT,
        "nothing_to_change": ErrorCode.INVALID,
        "current_password_required": ErrorCode.INVALID,
        **_LOGIN_ERRORS,
    },
    idempotent=True,
    example=(
        {"id": _ID, "expected_version": 1, "last_name": "King"},
        {**_PROFILE, "last_name": "King", "updated_at": "2026-11-22T09:31:00.000Z", "version": 2},
    ),
)
PROFILE_DELETE: Final[Operation[DeleteProfile, DeletedProfile]] = Operation(
    queue="profile.delete",
    summary="Delete a profile; its e-mail address is free at once.",
    kind=Kind.COMMAND,
    request=DeleteProfile,
    results=(DeletedProfile,),
    actor="the user, administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, **_WRITE_ERRORS, "last_admin": ErrorCode.CONFLICT},
    idempotent=False,
    example=(
        {"id": _ID, "expected_version": 2},
        {"id": _ID, "status": "deleted", "deleted_at": "2026-11-22T09:32:00.000Z"},
    ),
)
PROFILE_LIST: Final[Operation[ListProfiles, ProfilePage]] = Operation(
    queue="profile.list",
    summary="Read many profiles, page by page.",
    kind=Kind.QUERY,
    request=ListProfiles,
    results=(ProfilePage,),
    actor="administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_ACTOR_ERRORS, **_FACTOR_ERRORS, "not_allowed": ErrorCode.FORBIDDEN, **_LIST_ERRORS},
    idempotent=True,
    example=(
        {"limit": 1, "status": "active", "role": "user"},
        {"items": [_PROFILE], "next_cursor": _CURSOR},
    ),
)
PROFILE_FIND: Final[Operation[FindProfile, Profile]] = Operation(
    queue="profile.find",
    summary="Find the profile that has an e-mail address, or had it when it was deleted.",
    kind=Kind.QUERY,
    request=FindProfile,
    results=(Profile,),
    actor="administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, "email_malformed": ErrorCode.INVALID},
    idempotent=True,
    example=({"email": "ada@example.org", "include_deleted": True}, _PROFILE),
)
PROFILE_RESTORE: Final[Operation[RestoreProfile, Profile]] = Operation(
    queue="profile.restore",
    summary="Bring a deleted profile back, and with it the posts that went with it.",
    kind=Kind.COMMAND,
    request=RestoreProfile,
    results=(Profile,),
    actor="administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={
        **_PROFILE_ERRORS,
        **_EMAIL_ERRORS,
        **_WRITE_ERRORS,
        "not_deleted": ErrorCode.CONFLICT,
    },
    idempotent=False,
    example=({"id": _ID}, {**_PROFILE, "updated_at": "2026-11-22T09:33:00.000Z", "version": 4}),
)
PROFILE_ERASE: Final[Operation[EraseProfile, ErasedProfile]] = Operation(
    queue="profile.erase",
    summary="Scrub everything personal about a user, for good; the posts follow within seconds.",
    kind=Kind.COMMAND,
    request=EraseProfile,
    results=(ErasedProfile,),
    actor="administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, **_WRITE_ERRORS, "last_admin": ErrorCode.CONFLICT},
    idempotent=True,
    example=(
        {"id": _ID},
        {"id": _ID, "status": "erased", "version": 5, "erased_at": "2026-11-22T09:34:00.000Z"},
    ),
)
PROFILE_EXPORT: Final[Operation[ExportProfile, ExportedProfile]] = Operation(
    queue="profile.export",
    summary="Read everything that is held about a user, page by page.",
    kind=Kind.QUERY,
    request=ExportProfile,
    results=(ExportedProfile,),
    actor="the user, administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, **_LIST_ERRORS},
    idempotent=True,
    example=(
        {"id": _ID, "limit": 1},
        {"profile": _STORED_PROFILE, "sessions": [], "posts": [_POST], "next_cursor": _CURSOR},
    ),
)
AUTH_LOGIN: Final[Operation[LogIn, Tokens]] = Operation(
    queue="auth.login",
    summary="Exchange an e-mail address and a password for tokens.",
    kind=Kind.COMMAND,
    request=LogIn,
    results=(Tokens,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors={
        **_LOGIN_ERRORS,
        "otp_required": ErrorCode.UNAUTHENTICATED,
        "otp_invalid": ErrorCode.UNAUTHENTICATED,
        "email_not_verified": ErrorCode.UNAUTHENTICATED,
    },
    idempotent=False,
    example=(
        {"email": "ada@example.org", "password": _PASSWORD},
        _TOKENS,
    ),
)
AUTH_REFRESH: Final[Operation[Refresh, Tokens]] = Operation(
    queue="auth.refresh",
    summary="Exchange a refresh token for new tokens.",
    kind=Kind.COMMAND,
    request=Refresh,
    results=(Tokens,),
    actor="none",
    errors={
        "refresh_token_invalid": ErrorCode.UNAUTHENTICATED,
        "refresh_token_reused": ErrorCode.UNAUTHENTICATED,
        "too_many_refreshes": ErrorCode.UNAVAILABLE,
    },
    authentication="none",
    needs_actor=False,
    idempotent=False,
    example=({"refresh_token": _TOKENS["refresh_token"]}, _TOKENS),
)
AUTH_LOGOUT: Final[Operation[LogOut, LoggedOut]] = Operation(
    queue="auth.logout",
    summary="End this session, all others, all, or the one that is named.",
    kind=Kind.COMMAND,
    request=LogOut,
    results=(LoggedOut,),
    actor="the user; with `user_id`, administrator",
    errors={
        **_PROFILE_ERRORS,
        **_LOGIN_ERRORS,
        "current_password_required": ErrorCode.INVALID,
        "sessions_unclear": ErrorCode.INVALID,
        "too_many_writers": ErrorCode.CONFLICT,
    },
    authentication="bearer",
    needs_actor=True,
    idempotent=True,
    example=({"scope": "local"}, {"revoked": 1}),
)
AUTH_SESSIONS: Final[Operation[ListSessions, SessionList]] = Operation(
    queue="auth.sessions",
    summary="List where a user is logged in.",
    kind=Kind.QUERY,
    request=ListSessions,
    results=(SessionList,),
    actor="the user; with `user_id`, administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors=_PROFILE_ERRORS,
    idempotent=True,
    example=(
        {},
        {
            "items": [
                {
                    "id": _SESSION,
                    "created_at": "2026-11-22T09:30:00.000Z",
                    "last_used_at": "2026-11-22T09:41:00.000Z",
                    "client_ip": "192.0.2.7",
                    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                    "current": True,
                }
            ]
        },
    ),
)
AUTH_UNLOCK: Final[Operation[UnlockAccount, Unlocked]] = Operation(
    queue="auth.unlock",
    summary="Take back the wrong passwords that strangers have tried.",
    kind=Kind.COMMAND,
    request=UnlockAccount,
    results=(Unlocked,),
    actor="administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, "counters_unavailable": ErrorCode.UNAVAILABLE},
    idempotent=True,
    example=({"id": _ID}, {}),
)
AUTH_VERIFY: Final[Operation[VerifyToken, TokenIntrospection]] = Operation(
    queue="auth.verify",
    summary="Tell whether an access token is good at this moment.",
    kind=Kind.QUERY,
    request=VerifyToken,
    results=(TokenIntrospection,),
    actor="none",
    errors={},
    authentication="none",
    needs_actor=False,
    idempotent=True,
    example=(
        {"token": _TOKENS["access_token"]},
        {"active": True, "sub": _ID, "sid": _SESSION, "role": "user", "exp": 1795340400},
    ),
)
AUTH_CHANGE_PASSWORD: Final[Operation[ChangePassword, Tokens]] = Operation(
    queue="auth.change_password",
    summary="Change the password; all sessions end, and the user gets tokens of a new one.",
    kind=Kind.COMMAND,
    request=ChangePassword,
    results=(Tokens,),
    actor="the user",
    errors={
        **_PROFILE_ERRORS,
        **_LOGIN_ERRORS,
        **_PASSWORD_ERRORS,
        **_CREATE_ERRORS,
    },
    authentication="bearer",
    needs_actor=True,
    idempotent=False,
    example=({"current_password": _PASSWORD, "new_password": "a better horse than that"}, _TOKENS),
)
AUTH_START_RESET: Final[Operation[StartReset, ResetStarted]] = Operation(
    queue="auth.start_reset",
    summary="Get a token by which a forgotten password is reset, to send to its user.",
    kind=Kind.QUERY,
    request=StartReset,
    results=(ResetStarted,),
    actor="trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, "email_malformed": ErrorCode.INVALID},
    idempotent=True,
    example=(
        {"email": "ada@example.org"},
        {"token": _ONE_TIME_TOKEN, "profile_id": _ID, "email": "Ada@Example.org", "expires_in": 1800},
    ),
)
AUTH_RESET_PASSWORD: Final[Operation[ResetPassword, PasswordReset]] = Operation(
    queue="auth.reset_password",
    summary="Set a new password by a token that was sent to the user; all sessions end.",
    kind=Kind.COMMAND,
    request=ResetPassword,
    results=(PasswordReset,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors={**_TOKEN_ERRORS, **_PASSWORD_ERRORS},
    idempotent=False,
    example=(
        {"token": _ONE_TIME_TOKEN, "new_password": "a better horse than that"},
        {"profile_id": _ID},
    ),
)
AUTH_START_VERIFICATION: Final[Operation[StartVerification, VerificationStarted]] = Operation(
    queue="auth.start_verification",
    summary="Get a token to send to the address of a profile, by which it is verified.",
    kind=Kind.QUERY,
    request=StartVerification,
    results=(VerificationStarted,),
    actor="the user, administrator or trusted service",
    authentication="bearer",
    needs_actor=True,
    errors={**_PROFILE_ERRORS, "email_already_verified": ErrorCode.CONFLICT},
    idempotent=True,
    example=(
        {"id": _ID},
        {"token": _ONE_TIME_TOKEN, "email": "Ada@Example.org", "expires_in": 1800},
    ),
)
AUTH_VERIFY_EMAIL: Final[Operation[VerifyEmail, Profile]] = Operation(
    queue="auth.verify_email",
    summary="Verify an e-mail address by a token that was sent to it.",
    kind=Kind.COMMAND,
    request=VerifyEmail,
    results=(Profile,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors=_TOKEN_ERRORS,
    idempotent=False,
    example=({"token": _ONE_TIME_TOKEN}, {**_PROFILE, "version": 2, "email_verified": True}),
)
AUTH_TOTP_ENROLL: Final[Operation[EnrollTotp, TotpEnrolment]] = Operation(
    queue="auth.totp_enroll",
    summary="Get a secret for an app that shows codes.",
    kind=Kind.QUERY,
    request=EnrollTotp,
    results=(TotpEnrolment,),
    actor="the user",
    authentication="bearer",
    needs_actor=True,
    errors={**_OWN_ERRORS, **_LOGIN_ERRORS, "totp_already_enrolled": ErrorCode.CONFLICT},
    idempotent=True,
    example=(
        {"current_password": _PASSWORD},
        {
            "secret": "JBSWY3DPEHPK3PXP",
            "uri": "otpauth://totp/Engines:Ada%40Example.org?secret=JBSWY3DPEHPK3PXP&issuer=Engines",
            "enrolment": _ENROLMENT,
            "expires_in": 1800,
        },
    ),
)
AUTH_TOTP_CONFIRM: Final[Operation[ConfirmTotp, RecoveryCodes]] = Operation(
    queue="auth.totp_confirm",
    summary="Make an app the second factor, by a code of it; from then on each login needs one.",
    kind=Kind.COMMAND,
    request=ConfirmTotp,
    results=(RecoveryCodes,),
    actor="the user",
    authentication="bearer",
    needs_actor=True,
    errors={
        **_OWN_ERRORS,
        **_NAMED_ERRORS,
        "enrolment_invalid": ErrorCode.INVALID,
        "otp_invalid": ErrorCode.UNAUTHENTICATED,
        "totp_already_enrolled": ErrorCode.CONFLICT,
        "too_many_writers": ErrorCode.CONFLICT,
    },
    idempotent=False,
    example=(
        {"enrolment": _ENROLMENT, "otp": "287082"},
        {"recovery_codes": ["abcd-efgh-ijkl-mnop", "qrst-uvwx-yz23-4567"]},
    ),
)
AUTH_TOTP_REMOVE: Final[Operation[RemoveTotp, Profile]] = Operation(
    queue="auth.totp_remove",
    summary="Take the second factor away.",
    kind=Kind.COMMAND,
    request=RemoveTotp,
    results=(Profile,),
    actor="the user; with `id`, administrator",
    authentication="bearer",
    needs_actor=True,
    errors={
        **_PROFILE_ERRORS,
        **_LOGIN_ERRORS,
        **_NAMED_ERRORS,
        "current_password_required": ErrorCode.INVALID,
        "too_many_writers": ErrorCode.CONFLICT,
    },
    idempotent=True,
    example=({"current_password": _PASSWORD}, {**_PROFILE, "version": 3}),
)
AUTH_KEYS: Final[Operation[ListKeys, JsonWebKeySet]] = Operation(
    queue="auth.keys",
    summary="List the public keys that access tokens are verified with.",
    kind=Kind.QUERY,
    request=ListKeys,
    results=(JsonWebKeySet,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors={},
    idempotent=True,
    example=(
        {},
        {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                    "alg": "EdDSA",
                    "use": "sig",
                }
            ]
        },
    ),
)
POST_CREATE: Final[Operation[CreatePost, Post]] = Operation(
    queue="post.create",
    summary="Write a post.",
    kind=Kind.COMMAND,
    request=CreatePost,
    results=(Post,),
    actor="any user; the post is the user's own",
    authentication="bearer",
    needs_actor=True,
    errors={**_POST_ERRORS, **_CREATE_ERRORS},
    idempotent=False,
    example=({"title": _POST["title"], "body": _POST["body"]}, _POST),
)
POST_GET: Final[Operation[GetPost, Post]] = Operation(
    queue="post.get",
    summary="Read a post.",
    kind=Kind.QUERY,
    request=GetPost,
    results=(Post,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors={"post_not_found": ErrorCode.NOT_FOUND},
    idempotent=True,
    example=({"id": _POST_ID}, _POST),
)
POST_UPDATE: Final[Operation[UpdatePost, Post]] = Operation(
    queue="post.update",
    summary="Change some fields of a post.",
    kind=Kind.COMMAND,
    request=UpdatePost,
    results=(Post,),
    actor="the user whose post it is, or administrator",
    authentication="bearer",
    needs_actor=True,
    errors={**_POST_ERRORS, **_WRITE_ERRORS, "nothing_to_change": ErrorCode.INVALID},
    idempotent=True,
    example=(
        {"id": _POST_ID, "expected_version": 1, "title": "Note G"},
        {**_POST, "title": "Note G", "updated_at": "2026-11-22T09:41:00.000Z", "version": 2},
    ),
)
POST_DELETE: Final[Operation[DeletePost, DeletedPost]] = Operation(
    queue="post.delete",
    summary="Delete a post.",
    kind=Kind.COMMAND,
    request=DeletePost,
    results=(DeletedPost,),
    actor="the user whose post it is, or administrator",
    authentication="bearer",
    needs_actor=True,
    errors={**_POST_ERRORS, **_WRITE_ERRORS},
    idempotent=False,
    example=(
        {"id": _POST_ID, "expected_version": 2},
        {"id": _POST_ID, "status": "deleted", "deleted_at": "2026-11-22T09:42:00.000Z"},
    ),
)
POST_LIST: Final[Operation[ListPosts, PostPage]] = Operation(
    queue="post.list",
    summary="Read many posts, page by page.",
    kind=Kind.QUERY,
    request=ListPosts,
    results=(PostPage,),
    actor="none",
    authentication="none",
    needs_actor=False,
    errors=_LIST_ERRORS,
    idempotent=True,
    example=({"user_id": _ID, "limit": 1}, {"items": [_POST], "next_cursor": _CURSOR}),
)

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    PROFILE_CREATE,
    PROFILE_GET,
    PROFILE_UPDATE,
    PROFILE_DELETE,
    PROFILE_LIST,
    PROFILE_FIND,
    PROFILE_RESTORE,
    PROFILE_ERASE,
    PROFILE_EXPORT,
    AUTH_LOGIN,
    AUTH_REFRESH,
    AUTH_LOGOUT,
    AUTH_SESSIONS,
    AUTH_UNLOCK,
    AUTH_VERIFY,
    AUTH_CHANGE_PASSWORD,
    AUTH_START_RESET,
    AUTH_RESET_PASSWORD,
    AUTH_START_VERIFICATION,
    AUTH_VERIFY_EMAIL,
    AUTH_TOTP_ENROLL,
    AUTH_TOTP_CONFIRM,
    AUTH_TOTP_REMOVE,
    AUTH_KEYS,
    POST_CREATE,
    POST_GET,
    POST_UPDATE,
    POST_DELETE,
    POST_LIST,
)
