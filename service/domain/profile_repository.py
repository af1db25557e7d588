"""Where profiles live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.domain.commands import Handled
from service.domain.emails import Email
from service.domain.profiles import Profile, Role, Status


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

    async def add(self, profile: Profile, *, proved: Profile | None = None) -> None:
        """Store a new profile.

        Args:
            profile: The new profile.
            proved: That of whoever asks, if the right to ask has to hold in the same moment.

        Raises:
            EmailTaken: Another profile has its address.
            AlreadyMade: The same command has made one before.
            StandingMoved: What was *proved* may not hold any more.

        """

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""

    async def get_even_deleted(self, profile_id: UUID) -> Profile:
        """Return a profile whether it is deleted, erased or neither, or raise `ProfileNotFound`."""

    async def deleted_before(self, moment: datetime, most: int) -> Sequence[Profile]:
        """Return the longest deleted profiles that are not erased yet: at most so many."""

    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""

    async def list(self, chosen: ProfileFilter, after: str | None, most: int) -> Sequence[Profile]:
        """Return at most so many profiles: the first ones, or those *after* a position.

        A profile that stays in the list, and where it stands, is met exactly once by whoever goes through
        it from one position to the next, whatever is added or goes away meanwhile.
        """

    async def save(
        self, profile: Profile, *, keeps_admin: bool = False, proved: Profile | None = None
    ) -> None:
        """Store a changed profile over the version before it, if no session of its user ended since.

        Args:
            profile: The changed profile.
            keeps_admin: Whether an administrator has to be left beside it, in the same moment.
            proved: That of whoever asks, if it is another one and the right to ask has to hold in the
                same moment.

        Raises:
            StaleVersion: What is stored is not the version before it, or is gone, or sessions have ended.
            StandingMoved: What was *proved* may not hold any more.
            EmailTaken: Another profile has its address.
            LastAdmin: No administrator would be left.

        """

    async def count_logout(self, profile_id: UUID) -> None:
        """Note that sessions of a user have just ended: writes that were proved by them come too late."""

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""

    async def find_made(self, message_id: str) -> Handled[Profile] | None:
        """Return the profile that the command of that name has made, as it was then."""

    async def find_handled(self, profile_id: UUID, message_id: str) -> Handled[Profile] | None:
        """Return what came of the command of that name for a profile, be it deleted since; or `None`."""

    async def remember(self, profile: Profile) -> None:
        """Note the command that left this profile as it was, or raise `StaleVersion`."""
