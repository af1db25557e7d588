"""What happened to a thing. It is stored with the thing in one write, and told to the world from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class EventType(StrEnum):
    """Everything that others are told."""

    PROFILE_CREATED = "profile.created"
    PROFILE_UPDATED = "profile.updated"
    PROFILE_DELETED = "profile.deleted"
    PROFILE_ERASED = "profile.erased"
    POST_CREATED = "post.created"
    POST_UPDATED = "post.updated"
    POST_DELETED = "post.deleted"
    SESSION_REVOKED = "auth.session_revoked"
    KEYS_ROTATED = "auth.keys_rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a thing at one of its versions.

    Attributes:
        subject: The thing: a profile, post or session.
        version: That of the thing, once it had happened.
        data: What others are told: ids, versions, names of fields. Nothing personal and nothing secret.

    """

    type: EventType
    subject: UUID
    version: int
    time: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of this event, the same however often it is told."""
        return f"{self.type}/{self.subject}/{self.version}"
