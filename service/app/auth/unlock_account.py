"""Take back the wrong passwords that were counted for an account. For operators."""

from dataclasses import dataclass

from service.app.auth.budgets import Attempt, Budgets, counters_of
from service.app.auth.throttle import AttemptCounters
from service.domain.email import Email
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository


@dataclass(frozen=True, slots=True)
class UnlockAccount:
    """Let the user with this address log in at once, however many strangers have guessed."""

    email: Email


@dataclass(frozen=True, slots=True)
class UnlockAccountHandler:
    """Carries out `UnlockAccount`."""

    profiles: ProfileRepository
    counters: AttemptCounters

    async def handle(self, command: UnlockAccount) -> Profile:
        """Return whose account it is.

        Raises:
            ProfileNotFound
            Unavailable: The counters can't be reached.

        """
        if (profile := await self.profiles.find_by_email(command.email)) is None:
            raise ProfileNotFound
        await self.counters.reset(counters_of(Attempt(profile.email.key), Budgets()))
        return profile
