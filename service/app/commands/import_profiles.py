"""Take users over from elsewhere, with the hashes of their passwords. For operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from service.app.clock import Clock
from service.app.ids import new_id
from service.domain.attributes import Attributes, checked
from service.domain.email import Email
from service.domain.errors import Invalid, ServiceError
from service.domain.profile import EmailTaken, Profile, ProfileRepository, Role, Status

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # ids know no time before it


class PasswordHashUnknown(Invalid):
    """Nobody could log in by it."""

    reason = "password_hash_unknown"
    message = "The hash is none of bcrypt, argon2id or scrypt, or takes too much work to verify."
    field = "password_hash"


class TooManyHashKinds(Invalid):
    """Each kind makes each wrong password dearer, or its users could be told by the time."""

    reason = "too_many_hash_kinds"
    message = "Those before have as many kinds of hashes as there may be, and this is another one."
    field = "password_hash"


class CreatedAtImpossible(Invalid):
    """An id is made of it, by which lists are sorted."""

    reason = "created_at_impossible"
    message = "The time is before 1970, or still to come."
    field = "created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileToImport:
    """What is known of a user elsewhere.

    Attributes:
        id: That of a former export; without one, it is made of `created_at`.
        created_at: Without one, now.

    """

    email: str
    first_name: str
    last_name: str = ""
    password_hash: str = field(repr=False)
    role: Role = Role.USER
    status: Status = Status.ACTIVE
    is_verified: bool = False
    attributes: Attributes = field(default_factory=dict)
    created_at: datetime | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ImportProfiles:
    """Take users over.

    Attributes:
        dry_run: Whether nothing is stored.
        publish: Whether `profile.created` is published of each.

    """

    profiles: Sequence[ProfileToImport]
    dry_run: bool = False
    publish: bool = False


@dataclass(slots=True)
class HashKinds:
    """The kinds of hashes that there are: of former lines, and what this service makes.

    Attributes:
        kind_of: What a hash is made by and at which cost; `None`, if no password can be compared with it.
        most: How many there may be.
        known: Those that were met.

    """

    kind_of: Callable[[str], str | None]
    most: int
    known: set[str]

    def ensure_known(self, hashed: str) -> None:
        """Raise `PasswordHashUnknown`, or `TooManyHashKinds` if it is one more than there may be."""
        kind = self.kind_of(hashed)
        if kind is None:
            raise PasswordHashUnknown
        if kind not in self.known and len(self.known) >= self.most:
            raise TooManyHashKinds
        self.known.add(kind)


@dataclass(frozen=True, slots=True)
class ImportProfilesHandler:
    """Carries out `ImportProfiles`, for the batches of one import."""

    profiles: ProfileRepository
    hash_kinds: HashKinds
    clock: Clock

    async def handle(self, command: ImportProfiles) -> Sequence[ServiceError | None]:
        """Return of each user why it was not taken over, or `None`: `EmailTaken`, if it is there already."""
        now = self.clock.now()
        made = [self._made(each, now) for each in command.profiles]
        profiles = [each for each in made if isinstance(each, Profile)]
        taken = await self.profiles.find_taken([each.email for each in profiles])
        free = [each for each in profiles if each.email.key not in taken]
        conflicts: dict[str, ServiceError | None] = {}
        if free and not command.dry_run:
            added = [each.with_created_event() if command.publish else each for each in free]
            oids = [each.oid for each in free]
            conflicts = dict(zip(oids, await self.profiles.add_many(added), strict=True))
        conflicts |= {each.oid: EmailTaken() for each in profiles if each.email.key in taken}
        return [conflicts.get(each.oid) if isinstance(each, Profile) else each for each in made]

    def _made(self, given: ProfileToImport, now: datetime) -> Profile | ServiceError:
        created_at = given.created_at or now
        try:
            email, attributes = Email.parse(given.email), checked(given.attributes)
            if not _EPOCH <= created_at <= now:
                raise CreatedAtImpossible
            self.hash_kinds.ensure_known(given.password_hash)
        except Invalid as refusal:
            return refusal
        return Profile(
            id=given.id or new_id(created_at),
            oid=self.profiles.next_oid(),
            first_name=given.first_name,
            last_name=given.last_name,
            email=email,
            hashed_password=given.password_hash,
            role=given.role,
            status=given.status,
            attributes=attributes,
            created_at=created_at,
            updated_at=now,
            verified_email_key=email.key if given.is_verified else None,
        )
