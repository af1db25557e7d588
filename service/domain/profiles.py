"""Profiles: what they hold, what they decide, and where they live."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from service.domain.emails import Email
from service.domain.errors import Conflict, Invalid, NotFound


class Role(StrEnum):
    """What a user may do."""

    USER = "user"
    ADMIN = "admin"


class Status(StrEnum):
    """Where a profile is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class ProfileNotFound(NotFound):
    """There is no such profile."""

    field = "id"


class EmailTaken(Conflict):
    """Another profile has this e-mail address."""

    field = "email"


class StaleVersion(Conflict):
    """The profile has changed since the version you know."""

    field = "expected_version"


class LastAdmin(Conflict):
    """You are the last administrator: make another one first."""


class NothingToChange(Invalid):
    """Name at least one field to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanges:
    """New values for some fields of a profile; `None` leaves a field as it is."""

    first_name: str | None = None
    last_name: str | None = None
    email: Email | None = None
    role: Role | None = None
    status: Status | None = None

    def named(self) -> dict[str, object]:
        """Return the new values by the name of their field."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user of the system. Each change makes a new value with the next version.

    Attributes:
        id: The public name, a UUID of version 7.
        oid: The name in the database.
        hashed_password: As the password hasher wrote it.
        version: 1 at first, and 1 more with each change that was applied.
        sessions_version: 1 more with each change that ends all sessions. A session is good only
            with the number it was opened with, so that one write ends them all.

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
    version: int = 1
    sessions_version: int = 1

    @property
    def may_log_in(self) -> bool:
        """Whether this user may sign in."""
        return self.status is Status.ACTIVE

    @property
    def personal_words(self) -> tuple[str, ...]:
        """What others can know of this user, so that a password made from it is no secret."""
        return personal_words(self.first_name, self.last_name, self.email)

    def changed(self, changes: ProfileChanges, now: datetime) -> "Profile":
        """Return the profile with *changes* applied, or itself if they change nothing.

        Raises:
            NothingToChange: No field was named.

        """
        named = changes.named()
        if not named:
            raise NothingToChange
        if all(getattr(self, name) == value for name, value in named.items()):
            return self
        # Tokens name the role, and the suspended have none: both end the sessions.
        standing = {"role", "status"} & {
            name for name, value in named.items() if getattr(self, name) != value
        }
        return self._next(now, ends_sessions=bool(standing), **named)

    def with_password(self, hashed_password: str, now: datetime) -> "Profile":
        """Return the profile with another password; all its sessions have ended."""
        return self._next(now, ends_sessions=True, hashed_password=hashed_password)

    def deleted(self, now: datetime) -> "Profile":
        """Return the profile as deleted from *now* on; all its sessions have ended."""
        return self._next(now, ends_sessions=True, status=Status.DELETED, deleted_at=now)

    def _next(self, now: datetime, *, ends_sessions: bool, **values: Any) -> "Profile":  # noqa: ANN401 - fields differ
        return replace(
            self,
            **values,
            updated_at=now,
            version=self.version + 1,
            sessions_version=self.sessions_version + ends_sessions,
        )


def personal_words(first_name: str, last_name: str, email: Email) -> tuple[str, ...]:
    """Return the words that a password must not be made from; the longest first."""
    local, _, domain = email.key.partition("@")
    words = {first_name, last_name, email.key, local, domain, domain.partition(".")[0]}
    return tuple(sorted((word for word in words if len(word) > _SHORT), key=len, reverse=True))


_SHORT = 2


class ProfileRepository(Protocol):
    """Where profiles live. Every method may raise `Unavailable`. Deleted profiles are not found."""

    def next_oid(self) -> str:
        """Return a name in the database for a profile that is about to be made."""

    async def add(self, profile: Profile) -> None:
        """Store a new profile, or raise `EmailTaken`."""

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""

    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""

    async def save(self, profile: Profile) -> None:
        """Store a changed profile over the version before it.

        Raises:
            StaleVersion: What is stored is not the version before it, or is gone.
            EmailTaken: Another profile has its address.

        """

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""

    async def has_admin_beside(self, profile_id: UUID) -> bool:
        """Return whether there is an active administrator other than this one."""
