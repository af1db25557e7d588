"""Domain events: stored in the same write as the aggregate that they are about, and published from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class EventType(StrEnum):
    """Every type of event that is published."""

    PROFILE_CREATED = "profile.created"
    PROFILE_UPDATED = "profile.updated"
    PROFILE_DELETED = "profile.deleted"
    PROFILE_ERASED = "profile.erased"
    POST_CREATED = "post.created"
    POST_UPDATED = "post.updated"
    POST_DELETED = "post.deleted"
    SESSION_REVOKED = "auth.session_revoked"
    KEYS_ROTATED = "auth.keys_rotated"
    COMMAND_FAILED = "command.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an aggregate at one of its versions.

    Attributes:
        subject: The aggregate: a profile, post or session.
        version: That of the aggregate, once it had happened.
        data: What is published: ids, versions, names of fields. Nothing personal and nothing secret.
        trace: That of the request by which it happened, as a header, if traces are recorded.

    """

    type: EventType
    subject: UUID
    version: int
    time: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def id(self) -> str:
        """The name of this event, the same however often it is published."""
        return f"{self.type}/{self.subject}/{self.version}"
