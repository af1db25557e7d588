"""Profiles: what they hold and what they decide."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from service.domain.changes import Changes
from service.domain.commands import CommandId
from service.domain.emails import Email, EmailMalformed
from service.domain.events import Event, EventType
from service.domain.passwords import personal_words
from service.domain.profile_refusals import NotDeleted
from service.domain.sessions import all_revoked


class Role(StrEnum):
    """What a user may do."""

    USER = "user"
    ADMIN = "admin"


class Status(StrEnum):
    """Where a profile is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanges(Changes):
    """New values for some fields of a profile; `None` leaves a field as it is."""

    first_name: str | None = None
    last_name: str | None = None
    email: Email | None = None
    role: Role | None = None
    status: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user of the system. Each change makes a new value with the next version.

    Attributes:
        id: The public name, a UUID of version 7.
        oid: The name in the database.
        hashed_password: As the password hasher wrote it.
        version: 1 at first, and 1 more with each change that was applied.
        status_before: That of a deleted profile before it was deleted.
        sessions_version: 1 more with each change that ends all sessions. A session is good only
            with the number it was opened with, so that one write ends them all.
        logouts: How often sessions of this user were ended otherwise. A write that rests on a session is made
            for the number that the session was alive at; only the repository counts.
        events: What happened since the profile was loaded, to be stored with it.
        by: The command that it happened by, to be stored with it, too.

    """

    id: UUID
    oid: str
    first_name: str
    last_name: str
    email: Email
    hashed_password: str = field(repr=False)
    role: Role = Role.USER
    status: Status = Status.ACTIVE
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    status_before: Status | None = None
    version: int = 1
    sessions_version: int = 1
    logouts: int = 0
    events: tuple[Event, ...] = field(default=(), compare=False, repr=False)
    by: CommandId | None = field(default=None, compare=False, repr=False)

    @property
    def may_log_in(self) -> bool:
        """Whether this user may sign in."""
        return self.status is Status.ACTIVE

    @property
    def may_administrate(self) -> bool:
        """Whether this user is an administrator who may sign in."""
        return self.role is Role.ADMIN and self.may_log_in

    @property
    def personal_words(self) -> tuple[str, ...]:
        """What others can know of this user, so that a password made from it is no secret."""
        return personal_words(self.first_name, self.last_name, self.email)

    def announced(self) -> "Profile":
        """Return this new profile with the event that it was made."""
        return replace(self, events=(_event(self, EventType.PROFILE_CREATED),))

    def changed(self, changes: ProfileChanges, now: datetime) -> "Profile":
        """Return the profile with *changes* applied, or itself if they change nothing.

        Raises:
            NothingToChange: No field was named.

        """
        if not (applied := changes.to(self)):
            return self
        # Tokens name the role, and the suspended have none: both end the sessions. Who is active again has
        # had none since.
        reason = "role_changed" if "role" in applied else None
        reason = "suspended" if applied.get("status") is Status.SUSPENDED else reason
        return self._next(now, EventType.PROFILE_UPDATED, applied, ends_sessions=reason)

    def with_password(self, hashed_password: str, session_id: UUID, now: datetime) -> "Profile":
        """Return the profile with another password; all sessions end but the one that is to be opened."""
        values = {"hashed_password": hashed_password}
        return self._next(
            now, EventType.PROFILE_UPDATED, values, ends_sessions="password_changed", spared=session_id
        )

    def deleted(self, now: datetime) -> "Profile":
        """Return the profile as deleted from *now* on; all its sessions have ended."""
        values = {"status": Status.DELETED, "deleted_at": now, "status_before": self.status}
        return self._next(now, EventType.PROFILE_DELETED, values, ends_sessions="deleted")

    def restored(self, now: datetime) -> "Profile":
        """Return the deleted profile as it was before.

        Raises:
            NotDeleted
            EmailMalformed: Its address is none by any rule.

        """
        if self.status is not Status.DELETED:
            raise NotDeleted
        if not self.email.key:
            raise EmailMalformed
        values = {"status": self.status_before or Status.ACTIVE, "deleted_at": None, "status_before": None}
        return self._next(now, EventType.PROFILE_UPDATED, values)

    def erased(self, now: datetime) -> "Profile":
        """Return what is left once everything personal is gone: a name that nobody else will have."""
        if self.status is Status.ERASED:
            return self
        values = {
            "first_name": "",
            "last_name": "",
            "email": Email("", ""),
            "hashed_password": "",
            "status": Status.ERASED,
            "deleted_at": self.deleted_at or now,
        }
        ends_sessions = None if self.status is Status.DELETED else "deleted"
        return self._next(now, EventType.PROFILE_ERASED, values, ends_sessions=ends_sessions)

    def _next(
        self,
        now: datetime,
        happened: EventType,
        values: Mapping[str, Any],
        *,
        ends_sessions: str | None = None,
        spared: UUID | None = None,
    ) -> "Profile":
        """Return the next version with *values*, and with the events that others will be told."""
        after = replace(
            self,
            **values,
            updated_at=now,
            version=self.version + 1,
            sessions_version=self.sessions_version + (ends_sessions is not None),
        )
        events = [_event(after, happened, values)]
        if ends_sessions:
            events.append(all_revoked(self.id, after.version, ends_sessions, now, spared))
        return replace(after, events=tuple(events))


def _event(profile: Profile, happened: EventType, changed: Iterable[str] = ()) -> Event:
    names, hidden = {"hashed_password": "password"}, {"deleted_at", "status_before"}
    return Event(
        type=happened,
        subject=profile.id,
        version=profile.version,
        time=profile.updated_at,
        data={
            "id": profile.id,
            "version": profile.version,
            "changed": sorted(names.get(name, name) for name in changed if name not in hidden),
        },
    )
