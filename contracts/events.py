"""What the service tells the world: CloudEvents 1.0 in JSON, on the topic exchange `profile.events`.

The routing key is the type. Events name things; they hold no personal data.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from contracts.fields import Id, Result, Timestamp

EVENTS_EXCHANGE = "profile.events"

Data = TypeVar("Data")


class SessionRevoked(Result):
    """Sessions of a user ended before their time: their access tokens are dead."""

    user_id: Id
    session_ids: Annotated[tuple[Id, ...], Field(description="Which; if none is named, all of them.")]
    reason: str = Field(
        description="`logout`, `password_changed`, `suspended`, `role_changed`, `deleted` or `reuse`."
    )


class KeysRotated(Result):
    """The keys of `auth.keys` have changed: ask for them again."""

    kids: Annotated[tuple[str, ...], Field(description="The keys whose tokens are valid now.")]


class Event(Result, Generic[Data]):
    """The envelope (CloudEvents 1.0, JSON event format)."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="Unique; an event that comes twice has the same.")
    source: Literal["/profile-service"] = "/profile-service"
    type: str
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    data: Data


SESSION_REVOKED = "auth.session_revoked"
KEYS_ROTATED = "auth.keys_rotated"
