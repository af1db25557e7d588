"""Take back the wrong passwords that were counted for an account."""

from dataclasses import dataclass
from uuid import UUID

from service.app.auth.budgets import Attempt, Budgets, counters_of
from service.app.auth.permissions import Action, authorize
from service.app.auth.session_guard import SessionGuard
from service.app.auth.throttle import AttemptCounters
from service.app.request_context import RequestContext
from service.domain.profile import ProfileRepository


@dataclass(frozen=True, slots=True)
class UnlockAccount:
    """Let a user log in at once, however many strangers have guessed."""

    context: RequestContext
    profile_id: UUID


@dataclass(frozen=True, slots=True)
class UnlockAccountHandler:
    """Carries out `UnlockAccount`."""

    profiles: ProfileRepository
    counters: AttemptCounters
    session_guard: SessionGuard

    async def handle(self, command: UnlockAccount) -> None:
        """Forget the wrong passwords of strangers.

        Raises:
            ProfileNotFound
            Unavailable: The counters can't be reached.

        """
        authorize(Action.UNLOCK_ACCOUNT, command.context.actor)
        await self.session_guard.authorizing_profile(command.context.actor)
        profile = await self.profiles.get(command.profile_id)
        # Who has signed up under a former rule is counted by what is typed today, and by the former key.
        for account in {profile.email.key, profile.email.current_key}:
            for attempt in (Attempt(account), Attempt(account, at_code=True)):
                await self.counters.reset(counters_of(attempt, Budgets()))
