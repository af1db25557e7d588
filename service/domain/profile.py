"""Profiles: what they hold, what they decide, why they refuse, and where they live."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from service.domain.attributes import Attributes, AttributesPatch, are_same, merged
from service.domain.email import Email, EmailMalformed
from service.domain.errors import Conflict, NotFound
from service.domain.events import Event, EventType
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.password import personal_words
from service.domain.patch import Patch
from service.domain.session_events import all_revoked
from service.domain.totp import Totp

# As far as the clocks of workers may be.
CLOCKS_APART: Final = timedelta(seconds=30)


class ProfileNotFound(NotFound):
    """It was never there, or is deleted."""

    reason = "profile_not_found"
    message = "There is no such profile."
    field = "id"


class EmailTaken(Conflict):
    """The unique index on addresses refused a write."""

    reason = "email_taken"
    message = "Another profile has this e-mail address."
    field = "email"


class IdTaken(Conflict):
    """A profile came with the id of another one."""

    reason = "id_taken"
    message = "Another profile has this id, or has had it."
    field = "id"


class LastAdmin(Conflict):
    """A change would leave nobody who may administrate."""

    reason = "last_admin"
    message = "This is the last administrator: make another one first."


class NotDeleted(Conflict):
    """Only what is deleted, and not erased, can be restored."""

    reason = "not_deleted"
    message = "This profile is not deleted, or has been erased since."


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
class ProfilePatch(Patch):
    """New values for some fields of a profile; `None` leaves a field as it is.

    Attributes:
        attributes: Only those that change; without a value, they go.

    """

    first_name: str | None = None
    last_name: str | None = None
    email: Email | None = None
    role: Role | None = None
    status: Status | None = None
    attributes: AttributesPatch | None = None

    def diff(self, aggregate: "Profile") -> dict[str, object]:
        """Return those of the new values that *aggregate* does not have already; all of its attributes.

        Raises:
            NothingToChange: No field was named.
            AttributesTooLarge

        """
        differing = Patch.diff(self, aggregate)
        if self.attributes is not None:
            differing["attributes"] = after = merged(aggregate.attributes, self.attributes)
            if are_same(after, aggregate.attributes):
                del differing["attributes"]
        return differing


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user of the system. Each change makes a new value with the next version.

    Attributes:
        id: The public name, a UUID of version 7.
        oid: The name in the database.
        last_name: Empty for whoever has none.
        hashed_password: As the password hasher wrote it.
        version: 1 at first, and 1 more with each change that was applied.
        previous_status: That of a deleted profile before it was deleted.
        verified_email_key: The key of the address that its user has shown to read the mails of.
        email_version: 1 more with each change of the address.
        sessions_version: 1 more with each change that ends all sessions. A session is good only
            with the number it was opened with, so that one write ends them all.
        totp: The second factor, if there is one.
        otp_uses: How often a code of it was used. A write is made for the number that was read, so that it
            brings no used code back; only the repository counts.
        logouts: How often sessions of this user were ended otherwise. A write that rests on a session is made
            for the number that the session was alive at; only the repository counts.
        events: What happened since the profile was loaded, to be stored with it.
        idempotency_key: That of the command that it happened by, to be stored with it, too.
        processed_commands: How many commands with such a key it has seen.

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
    previous_status: Status | None = None
    version: int = 1
    verified_email_key: str | None = None
    email_version: int = 1
    attributes: Attributes = field(default_factory=dict, hash=False)
    sessions_version: int = 1
    totp: Totp | None = field(default=None, repr=False)
    otp_uses: int = 0
    logouts: int = 0
    events: tuple[Event, ...] = field(default=(), compare=False, repr=False)
    idempotency_key: IdempotencyKey | None = field(default=None, compare=False, repr=False)
    processed_commands: int = field(default=0, compare=False, repr=False)

    @property
    def may_log_in(self) -> bool:
        """Whether this user may sign in."""
        return self.status is Status.ACTIVE

    @property
    def email_verified(self) -> bool:
        """Whether its user has shown to read the mails to its address: to this one, and to none before."""
        if not self.verified_email_key:
            return False
        if self.verified_email_key == self.email.key:
            return True
        return self.verified_email_key == self.email.current_key  # to find that out takes time

    @property
    def may_administrate(self) -> bool:
        """Whether this user is an administrator who may sign in."""
        return self.role is Role.ADMIN and self.may_log_in

    @property
    def personal_words(self) -> tuple[str, ...]:
        """What others can know of this user, so that a password made from it is no secret."""
        return personal_words(self.first_name, self.last_name, self.email)

    def with_created_event(self) -> "Profile":
        """Return this new profile with the event that it was created."""
        return replace(self, events=(_event(self, EventType.PROFILE_CREATED),))

    def updated(self, patch: ProfilePatch, now: datetime) -> "Profile":
        """Return the profile with *patch* applied, or itself if they change nothing.

        Raises:
            NothingToChange: No field was named.

        """
        if not (applied := patch.diff(self)):
            return self
        # Tokens name the role, and the suspended have none: both end the sessions. Who is active again has
        # had none since.
        reason = "role_changed" if "role" in applied else None
        reason = "suspended" if applied.get("status") is Status.SUSPENDED else reason
        return self._next(
            now, EventType.PROFILE_UPDATED, applied | self._with_other_email(patch), ends_sessions=reason
        )

    def _with_other_email(self, patch: ProfilePatch) -> dict[str, object]:
        """Return what changes beside the address. Another spelling of the same mailbox stays verified."""
        if patch.email is None or patch.email == self.email:
            return {}
        values: dict[str, object] = {"email_version": self.email_version + 1}
        if self.email_verified and patch.email.key != self.verified_email_key:
            values["verified_email_key"] = None
        return values

    def with_verified_email(self, now: datetime) -> "Profile":
        """Return the profile with its address as verified."""
        return self._next(now, EventType.PROFILE_UPDATED, {"verified_email_key": self.email.current_key})

    def with_totp(self, now: datetime, *, totp: Totp) -> "Profile":
        """Return the profile with a second factor."""
        return self._next(now, EventType.PROFILE_UPDATED, {"totp": totp})

    def without_totp(self, now: datetime) -> "Profile":
        """Return the profile without a second factor, or itself if it has none."""
        return self._next(now, EventType.PROFILE_UPDATED, {"totp": None}) if self.totp else self

    def with_password(self, now: datetime, *, hashed: str, session_id: UUID | None) -> "Profile":
        """Return the profile with another password; all sessions end but one that may be to be opened."""
        values = {"hashed_password": hashed}
        return self._next(
            now, EventType.PROFILE_UPDATED, values, ends_sessions="password_changed", kept=session_id
        )

    def deleted(self, now: datetime) -> "Profile":
        """Return the profile as deleted from *now* on; all its sessions have ended."""
        values = {"status": Status.DELETED, "deleted_at": now, "previous_status": self.status}
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
        values = {
            "status": self.previous_status or Status.ACTIVE,
            "deleted_at": None,
            "previous_status": None,
        }
        return self._next(now, EventType.PROFILE_UPDATED, values)

    def erased(self, now: datetime) -> "Profile":
        """Return what is left once everything personal is gone: a name that nobody else will have."""
        if self.status is Status.ERASED:
            return self
        values: dict[str, object] = {
            "first_name": "",
            "last_name": "",
            "email": Email("", ""),
            "hashed_password": "",
            "status": Status.ERASED,
            "deleted_at": self.deleted_at or now,
        }
        if self.verified_email_key:
            values["verified_email_key"] = None
        if self.attributes:
            values["attributes"] = {}
        if self.totp:
            values["totp"] = None
        ends_sessions = None if self.status is Status.DELETED else "deleted"
        return self._next(now, EventType.PROFILE_ERASED, values, ends_sessions=ends_sessions)

    def _next(
        self,
        now: datetime,
        happened: EventType,
        values: Mapping[str, Any],
        *,
        ends_sessions: str | None = None,
        kept: UUID | None = None,
    ) -> "Profile":
        """Return the next version with *values*, and with the events that will be published.

        Its time is not before that of this version, as far as clocks may be apart: sessions are opened after
        the last thing that has happened, which may have ended all before it.
        """
        now = max(now, min(self.updated_at, now + CLOCKS_APART))
        after = replace(
            self,
            **values,
            updated_at=now,
            version=self.version + 1,
            sessions_version=self.sessions_version + (ends_sessions is not None),
        )
        events = [_event(after, happened, values)]
        if ends_sessions:
            events.append(all_revoked(self.id, after.version, ends_sessions, now, kept))
        return replace(after, events=tuple(events))


def _event(profile: Profile, happened: EventType, changed: Iterable[str] = ()) -> Event:
    names = {
        "hashed_password": "password",
        "verified_email_key": "email_verified",
        "totp": "totp_enrolled",
    }
    hidden = {"deleted_at", "previous_status", "email_version"}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFilter:
    """Which profiles a list is about; `None` lets every one through. The deleted are in no list.

    Attributes:
        email_prefix: How the keys of their addresses begin, as `email_prefix` writes it. The list
            is then in the order of these keys; without it, the newest profile is the first.

    """

    status: Status | None = None
    role: Role | None = None
    email_prefix: str | None = None

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The statuses that are let through."""
        visible = (Status.ACTIVE, Status.SUSPENDED)
        return tuple(each for each in visible if self.status in (None, each))

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that are let through."""
        return tuple(each for each in Role if self.role in (None, each))

    def position(self, profile: Profile) -> str:
        """Return where *profile* stands in the list."""
        return str(profile.id) if self.email_prefix is None else profile.email.key


class ProfileRepository(Protocol):
    """Where profiles live. Every method may raise `Unavailable`.

    Those that were deleted or erased are not found, but for the methods that say so.
    """

    def next_oid(self) -> str:
        """Return a name in the database for a profile that is about to be made."""

    async def add(self, profile: Profile, *, authorized_by: Profile | None = None) -> None:
        """Store a new profile.

        Args:
            profile: The new profile.
            authorized_by: That of whoever asks, if the right to ask has to hold in the same moment.

        Raises:
            EmailTaken: Another profile has its address.
            IdTaken: Another profile has its id.
            AlreadyCreated: The same command has created one before.
            AuthorizationChanged: What was *authorized_by* may not hold any more.

        """

    async def add_many(self, profiles: Sequence[Profile]) -> Sequence[EmailTaken | IdTaken | None]:
        """Store new profiles, each by itself; return of each why it could not be stored, or `None`."""

    async def find_taken(self, emails: Sequence[Email]) -> Collection[str]:
        """Return the keys of those addresses that profiles have, in whatever spelling."""

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""

    async def get_including_deleted(self, profile_id: UUID) -> Profile:
        """Return a profile whether it is deleted, erased or neither, or raise `ProfileNotFound`."""

    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Profile]:
        """Return at most so many of those profiles that are not erased yet, the longest deleted first.

        The first ones may be skipped.
        """

    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""

    async def find_deleted_by_email(self, email: Email) -> Profile | None:
        """Return the profile that had this address when it was deleted: of several, the last one.

        An erased one had none.
        """

    async def list(self, filters: ProfileFilter, after: str | None, limit: int) -> Sequence[Profile]:
        """Return at most so many profiles: the first ones, or those *after* a position.

        A profile that stays in the list, and where it stands, is met exactly once by whoever goes through
        it from one position to the next, whatever is added or goes away meanwhile.
        """

    async def save(
        self, profile: Profile, *, require_other_admin: bool = False, authorized_by: Profile | None = None
    ) -> None:
        """Store a changed profile over the version before it, if no session of its user ended since.

        Args:
            profile: The changed profile.
            require_other_admin: Whether an administrator has to be left beside it, in the same moment.
            authorized_by: That of whoever asks, if it is another one and the right to ask has to hold in the
                same moment.

        Raises:
            StaleVersion: What is stored is not the version before it, or is gone, or sessions have ended.
            AuthorizationChanged: What was *authorized_by* may not hold any more.
            EmailTaken: Another profile has its address.
            LastAdmin: No administrator would be left.

        """

    async def count_logout(self, profile_id: UUID) -> None:
        """Record that sessions of a user have just ended: writes that rest on them come too late."""

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""

    async def use_totp_step(self, profile: Profile, step: int) -> bool:
        """Record that the code of a time step was used; return whether neither it nor a later one was before.

        It is no new version of the profile.
        """

    async def use_recovery_code(self, profile: Profile, digest: bytes) -> bool:
        """Take a recovery code away, by its digest; return whether it was there."""

    async def replace_totp_secret(self, profile: Profile, sealed_secret: bytes) -> None:
        """Store the same secret, encrypted otherwise, unless there is another one meanwhile."""

    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        """Return the command that has the name of *key*, if it created a profile, be it deleted since."""

    async def find_processed(self, profile_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Profile] | None:
        """Return the command that has the name of *key*, if a profile has seen it, be it deleted since."""

    async def record_processed(self, profile: Profile) -> None:
        """Record the command that left this profile as it was, or raise `StaleVersion`."""
