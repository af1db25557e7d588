"""Find the profile that has an address. For those who look after users."""

from dataclasses import dataclass

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, authorize
from service.domain.email import Email
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class FindProfile:
    """Find the profile that has this address, in whatever spelling.

    Attributes:
        include_deleted: Whether one that had it when it was deleted will do, if none has it now.

    """

    actor: Actor
    email: str
    include_deleted: bool = False


@dataclass(frozen=True, slots=True)
class FindProfileHandler:
    """Answers `FindProfile`."""

    profiles: ProfileRepository

    async def handle(self, query: FindProfile) -> Profile:
        """Return the profile.

        Raises:
            EmailMalformed
            ProfileNotFound

        """
        authorize(Action.FIND_PROFILE, query.actor)
        email = Email.recognised(query.email)
        found = await self.profiles.find_by_email(email)
        if found is None and query.include_deleted:
            found = await self.profiles.find_deleted_by_email(email)
        if found is None:
            raise ProfileNotFound
        return found
