"""The table of operations, one row for each queue. Document, subscribers and topology are made from it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from contracts.auth import JsonWebKeySet, ListKeys, LogIn, Tokens
from contracts.fields import Request
from contracts.profiles import (
    CreateProfile,
    DeletedProfile,
    DeleteProfile,
    GetProfile,
    Profile,
    PublicProfile,
    UpdateProfile,
)
from contracts.replies import ErrorCode

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered")


class Kind(StrEnum):
    """Whether an operation changes anything. Commands wait in quorum queues, queries in classic ones."""

    COMMAND = "command"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation(Generic[Asked, Answered]):
    """One thing the service can be asked to do.

    Attributes:
        queue: Where requests go; also their routing key on the exchange `profile.commands`.
        summary: One sentence for people.
        kind: Command or query.
        request: The body of a request.
        results: The possible bodies of a result, the usual one first.
        actor: Who may ask, in words.
        needs_actor: Whether anonymous requests are always refused.
        errors: Refusals of its own, by reason. `COMMON_ERRORS` come on top.
        idempotent: True if asking twice leaves the same state as asking once.
        example: A request and its result, as JSON values.

    """

    queue: str
    summary: str
    kind: Kind
    request: type[Asked]
    results: tuple[type[BaseModel], ...]
    actor: str
    needs_actor: bool
    errors: dict[str, ErrorCode]
    idempotent: bool
    example: tuple[dict[str, Any], dict[str, Any]]

    @property
    def dead_letters(self) -> str:
        """The queue for what is left of requests that could not be handled."""
        return f"{self.queue}.dlq"


# What may be kept of a request in dead letters: neither secret nor personal.
IMPERSONAL_FIELDS: Final = frozenset({"id", "expected_version"})

COMMON_ERRORS: Final[dict[str, ErrorCode]] = {
    "malformed_json": ErrorCode.INVALID,
    "malformed_request": ErrorCode.INVALID,
    "message_too_large": ErrorCode.INVALID,
    "unsupported_content_type": ErrorCode.INVALID,
    "out_of_time": ErrorCode.DEADLINE_EXCEEDED,
    "database_unavailable": ErrorCode.UNAVAILABLE,
    "overloaded": ErrorCode.UNAVAILABLE,
    "internal_error": ErrorCode.INTERNAL,
}
_ACTOR_ERRORS: Final[dict[str, ErrorCode]] = {
    "missing_token": ErrorCode.UNAUTHENTICATED,
    "token_invalid": ErrorCode.UNAUTHENTICATED,
    "token_expired": ErrorCode.UNAUTHENTICATED,
}
_PROFILE_ERRORS: Final[dict[str, ErrorCode]] = {
    **_ACTOR_ERRORS,
    "not_allowed": ErrorCode.FORBIDDEN,
    "profile_not_found": ErrorCode.NOT_FOUND,
}
_EMAIL_ERRORS: Final[dict[str, ErrorCode]] = {
    "email_malformed": ErrorCode.INVALID,
    "email_taken": ErrorCode.CONFLICT,
}
_WRITE_ERRORS: Final[dict[str, ErrorCode]] = {
    "stale_version": ErrorCode.CONFLICT,
    "too_many_writers": ErrorCode.CONFLICT,
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
}

PROFILE_CREATE: Final[Operation[CreateProfile, Profile]] = Operation(
    queue="profile.create",
    summary="Sign a user up.",
    kind=Kind.COMMAND,
    request=CreateProfile,
    results=(Profile,),
    actor="none; a role other than `user`: administrator or trusted service",
    needs_actor=False,
    errors={
        **_ACTOR_ERRORS,
        "role_not_allowed": ErrorCode.FORBIDDEN,
        **_EMAIL_ERRORS,
        "password_too_short": ErrorCode.INVALID,
        "password_too_long": ErrorCode.INVALID,
        "password_malformed": ErrorCode.INVALID,
    },
    idempotent=False,
    example=(
        {"first_name": "Ada", "last_name": "Lovelace", "email": "Ada@Example.org", "password": _PASSWORD},
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
    needs_actor=True,
    errors={**_ACTOR_ERRORS, "profile_not_found": ErrorCode.NOT_FOUND},
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
    needs_actor=True,
    errors={
        **_PROFILE_ERRORS,
        **_EMAIL_ERRORS,
        **_WRITE_ERRORS,
        "nothing_to_change": ErrorCode.INVALID,
        "current_password_required": ErrorCode.INVALID,
        "invalid_credentials": ErrorCode.UNAUTHENTICATED,
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
    needs_actor=True,
    errors={**_PROFILE_ERRORS, **_WRITE_ERRORS},
    idempotent=False,
    example=(
        {"id": _ID, "expected_version": 2},
        {"id": _ID, "status": "deleted", "deleted_at": "2026-11-22T09:32:00.000Z"},
    ),
)
AUTH_LOGIN: Final[Operation[LogIn, Tokens]] = Operation(
    queue="auth.login",
    summary="Exchange an e-mail address and a password for tokens.",
    kind=Kind.COMMAND,
    request=LogIn,
    results=(Tokens,),
    actor="none",
    needs_actor=False,
    errors={"invalid_credentials": ErrorCode.UNAUTHENTICATED},
    idempotent=False,
    example=(
        {"email": "ada@example.org", "password": _PASSWORD},
        {
            "access_token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": None,
            "profile_id": _ID,
        },
    ),
)
AUTH_KEYS: Final[Operation[ListKeys, JsonWebKeySet]] = Operation(
    queue="auth.keys",
    summary="List the public keys that access tokens are verified with.",
    kind=Kind.QUERY,
    request=ListKeys,
    results=(JsonWebKeySet,),
    actor="none",
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

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    PROFILE_CREATE,
    PROFILE_GET,
    PROFILE_UPDATE,
    PROFILE_DELETE,
    AUTH_LOGIN,
    AUTH_KEYS,
)
