"""What the service publishes: CloudEvents 1.0 in JSON, on the topic exchange `profile.events`.

The routing key is the type. Events name things; they hold no personal data. Each is published at least once,
those about one thing in the order of its versions; one that comes twice has the same id. Only
`auth.keys_rotated` can get lost: keys are files, so no write holds its event. `command.failed` is about a
message, and has no version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import Field, ValidationError

from profile_contracts.fields import Id, Result, Timestamp, Version
from profile_contracts.replies import ErrorCode

EVENTS_EXCHANGE: Final = "profile.events"

Data = TypeVar("Data")


class ProfileEvent(Result):
    """Something happened to a profile."""

    id: Id
    version: Version
    changed: Annotated[
        tuple[str, ...], Field(description="Names of the fields that have changed; `password` is one.")
    ]


class PostEvent(Result):
    """Something happened to a post."""

    id: Id
    user_id: Id
    version: Version
    changed: Annotated[tuple[str, ...], Field(description="Names of the fields that have changed.")]


class SessionRevoked(Result):
    """Sessions of a user ended before their time: their access tokens are dead."""

    user_id: Id
    session_ids: Annotated[tuple[Id, ...], Field(description="Which; if none is named, all of them.")]
    spared_session_id: Annotated[
        Id | None, Field(description="Not one of them: the session that began when the password was changed.")
    ] = None
    revoked_before: Annotated[
        int | None,
        Field(
            description="Of all of them, those that were opened before this, in milliseconds since 1970. "
            "The first 48 bits of a session's id, a UUID of version 7, are when it was opened."
        ),
    ] = None
    reason: str = Field(
        description="`logout`, `login`, `password_changed`, `suspended`, `role_changed`, `deleted`, `reuse` "
        "or `too_many_sessions`."
    )


class KeysRotated(Result):
    """The keys of `auth.keys` have changed: ask for them again."""

    kids: Annotated[tuple[str, ...], Field(description="The keys whose tokens are valid now.")]


class CommandFailed(Result):
    """A fire-and-forget command was refused, or dead-lettered."""

    queue: str = Field(description="The queue of the command.")
    message_id: Annotated[str | None, Field(description="As it was sent; else as the service named it.")]
    correlation_id: Annotated[str | None, Field(description="As it was sent.")]
    code: ErrorCode
    reason: str = Field(description="As a reply would have said.")


class Event(Result, Generic[Data]):
    """The envelope (CloudEvents 1.0, JSON event format)."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="Names this event for ever; one that comes twice has the same.")
    source: Literal["/profile-service"] = "/profile-service"
    type: str
    subject: Annotated[
        str,
        Field(description="The id of the profile, post or session that it happened to; `keys`, or a queue."),
    ]
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    data: Data


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One kind of event.

    Attributes:
        name: Its type, which is also its routing key.
        summary: One sentence for people.
        data: What it says.
        example: That, as a JSON value.

    """

    name: str
    summary: str
    data: type[Result]
    example: Mapping[str, Any]


_ID: Final = "0193a5b0-7c1e-7d3a-9b5f-3f8e2a6c4d10"
_SESSION: Final = "0193a5b0-9d2f-7c4b-8e60-51a7d3f0b2c8"
_POST: Final = "0193a5b0-b3a1-7f2e-a4d8-6c0b9e1f2a37"


def _profile(name: str, summary: str, version: int, *changed: str) -> EventType:
    example = {"id": _ID, "version": version, "changed": list(changed)}
    return EventType(name=name, summary=summary, data=ProfileEvent, example=example)


def _post(name: str, summary: str, version: int, *changed: str) -> EventType:
    example = {"id": _POST, "user_id": _ID, "version": version, "changed": list(changed)}
    return EventType(name=name, summary=summary, data=PostEvent, example=example)


PROFILE_CREATED: Final = _profile("profile.created", "A user has signed up.", 1)
PROFILE_UPDATED: Final = _profile("profile.updated", "A profile has changed.", 2, "last_name")
PROFILE_DELETED: Final = _profile("profile.deleted", "A profile was deleted.", 3, "status")
PROFILE_ERASED: Final = _profile(
    "profile.erased", "Everything personal about a user was erased, for good.", 4, "status"
)
POST_CREATED: Final = _post("post.created", "A post was written.", 1)
POST_UPDATED: Final = _post("post.updated", "A post has changed.", 2, "title")
POST_DELETED: Final = _post("post.deleted", "A post was deleted.", 3, "status")
SESSION_REVOKED: Final = EventType(
    name="auth.session_revoked",
    summary="Sessions ended before their time.",
    data=SessionRevoked,
    example={
        "user_id": _ID,
        "session_ids": [],
        "spared_session_id": _SESSION,
        "revoked_before": 1_733_651_635_540,
        "reason": "password_changed",
    },
)
KEYS_ROTATED: Final = EventType(
    name="auth.keys_rotated",
    summary="The keys that access tokens are signed with have changed.",
    data=KeysRotated,
    example={"kids": ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]},
)
COMMAND_FAILED: Final = EventType(
    name="command.failed",
    summary="A fire-and-forget command was refused or dead-lettered.",
    data=CommandFailed,
    example={
        "queue": "profile.update",
        "message_id": "nightly-import-17",
        "correlation_id": None,
        "code": "unauthenticated",
        "reason": "token_expired",
    },
)

EVENTS: Final = (
    PROFILE_CREATED,
    PROFILE_UPDATED,
    PROFILE_DELETED,
    PROFILE_ERASED,
    POST_CREATED,
    POST_UPDATED,
    POST_DELETED,
    SESSION_REVOKED,
    KEYS_ROTATED,
    COMMAND_FAILED,
)


def _envelope(data: Any) -> type[Event[Any]]:  # noqa: ANN401 - the types are known at run time only
    return Event[data]


_ENVELOPES: Final = {each.name: _envelope(each.data) for each in EVENTS}


def read_event(routing_key: str | None, body: bytes) -> Event[Any] | None:
    """Return the event in the *body* of a message, or nothing if this version does not know it."""
    try:
        return _ENVELOPES[routing_key or ""].model_validate_json(body)
    except (KeyError, ValidationError):
        return None
