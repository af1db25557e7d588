"""Where profiles live."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.domain.emails import Email
from service.domain.profiles import Profile


class ProfileRepository(Protocol):
    """Where profiles live. Every method may raise `Unavailable`.

    Those that were deleted or erased are not found, but for the methods that say so.
    """

    def next_oid(self) -> str:
        """Return a name in the database for a profile that is about to be made."""

    async def add(self, profile: Profile) -> None:
        """Store a new profile, or raise `EmailTaken`."""

    async def get(self, profile_id: UUID) -> Profile:
        """Return a profile, or raise `ProfileNotFound`."""

    async def get_even_deleted(self, profile_id: UUID) -> Profile:
        """Return a profile whether it is deleted, erased or neither, or raise `ProfileNotFound`."""

    async def deleted_before(self, moment: datetime, most: int) -> Sequence[UUID]:
        """Return the longest deleted profiles that are not erased yet: at most so many."""

    async def find_by_email(self, email: Email) -> Profile | None:
        """Return the profile that has this address, in whatever spelling."""

    async def save(self, profile: Profile, *, keeps_admin: bool = False) -> None:
        """Store a changed profile over the version before it.

        Args:
            profile: The changed profile.
            keeps_admin: Whether an administrator has to be left beside it, in the same moment.

        Raises:
            StaleVersion: What is stored is not the version before it, or is gone.
            EmailTaken: Another profile has its address.
            LastAdmin: No administrator would be left.

        """

    async def replace_hash(self, profile: Profile, hashed_password: str) -> None:
        """Store another hash of the same password, unless the password has changed meanwhile."""
