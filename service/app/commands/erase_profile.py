"""Scrub everything personal about a user, for good (GDPR, article 17).

For operators, and for the worker once a deleted profile could not be restored any more.
"""

from dataclasses import dataclass
from uuid import UUID

from service.app.clock import Clock
from service.domain.profile import Profile, ProfileRepository
from service.domain.session import SessionRepository


@dataclass(frozen=True, slots=True)
class EraseProfile:
    """Scrub everything personal about a user. Posts follow."""

    profile_id: UUID


@dataclass(frozen=True, slots=True)
class EraseProfileHandler:
    """Carries out `EraseProfile`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    clock: Clock

    async def handle(self, command: EraseProfile) -> Profile:
        """Return what is left of the profile.

        Raises:
            ProfileNotFound
            StaleVersion: Somebody else has just changed it.
            LastAdmin: Nobody could administrate after that.

        """
        return await self.erase(await self.profiles.get_including_deleted(command.profile_id))

    async def erase(self, before: Profile) -> Profile:
        """Scrub a profile, if it is still as it was *before*; return what is left of it.

        Raises:
            StaleVersion: Somebody else has just changed it.
            LastAdmin: Nobody could administrate after that.

        """
        after = before.erased(self.clock.now())
        if after is not before:
            await self.profiles.save(after, require_other_admin=before.may_administrate)
        # Of an erased one, too: whoever erased it may have died before this.
        await self.sessions.discard(after.id, before=after.sessions_version + 1)
        return after
