"""Make somebody an administrator who has signed up already. For operators."""

from dataclasses import dataclass

from service.app.clock import Clock
from service.domain.email import Email
from service.domain.profile import Profile, ProfileNotFound, ProfilePatch, ProfileRepository, Role


@dataclass(frozen=True, slots=True)
class PromoteToAdmin:
    """Make the user with this address an administrator."""

    email: Email


@dataclass(frozen=True, slots=True)
class PromoteToAdminHandler:
    """Carries out `PromoteToAdmin`."""

    profiles: ProfileRepository
    clock: Clock

    async def handle(self, command: PromoteToAdmin) -> Profile:
        """Return the administrator, whose sessions have ended.

        Raises:
            ProfileNotFound
            StaleVersion: Somebody else has just changed it.

        """
        if (before := await self.profiles.find_by_email(command.email)) is None:
            raise ProfileNotFound
        after = before.updated(ProfilePatch(role=Role.ADMIN), self.clock.now())
        if after is not before:
            await self.profiles.save(after)
        return after
