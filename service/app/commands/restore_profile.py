"""Bring a deleted profile back. For operators: nobody can ask for it over the broker."""

from dataclasses import dataclass
from uuid import UUID

from service.app.clock import Clock
from service.domain.profile import Profile, ProfileRepository


@dataclass(frozen=True, slots=True)
class RestoreProfile:
    """Bring a deleted profile back, if its address is still free. Its posts follow."""

    profile_id: UUID


@dataclass(frozen=True, slots=True)
class RestoreProfileHandler:
    """Carries out `RestoreProfile`."""

    profiles: ProfileRepository
    clock: Clock

    async def handle(self, command: RestoreProfile) -> Profile:
        """Return the profile as it was restored.

        Raises:
            ProfileNotFound
            NotDeleted
            EmailTaken: Somebody else has its address now.
            StaleVersion: Somebody else has just restored or erased it.

        """
        deleted = await self.profiles.get_including_deleted(command.profile_id)
        restored = deleted.restored(self.clock.now())
        await self.profiles.save(restored)
        return restored
