"""Take the second factor of a user away."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.app.auth.passwords import Passwords
from service.app.auth.permissions import Action, authorize, require_user
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileRepository


@dataclass(frozen=True, slots=True)
class RemoveTotp:
    """Take the second factor of the user who asks away, or as administrator that of another one."""

    context: RequestContext
    profile_id: UUID | None = None
    current_password: str | None = field(default=None, repr=False)
    expected_version: int | None = None

    def authorize(self, profile: Profile) -> None:
        """Raise unless whoever asks may take it from *profile*."""
        authorize(Action.REMOVE_TOTP, self.context.actor, profile.id)

    def apply(self, profile: Profile, now: datetime) -> Profile:
        """Return *profile* without a second factor."""
        return profile.without_totp(now)


@dataclass(frozen=True, slots=True)
class RemoveTotpHandler:
    """Carries out `RemoveTotp`."""

    profiles: ProfileRepository
    passwords: Passwords
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: RemoveTotp) -> Profile:
        """Return the profile as it is now.

        Raises:
            CurrentPasswordRequired, InvalidCredentials: It is the user's own.
            ProfileNotFound

        """
        user = require_user(command.context.actor)
        profile_id = command.profile_id or user.id
        authorize(Action.REMOVE_TOTP, user, profile_id)
        if profile_id == user.id:
            await self.passwords.verify_current(command.current_password, user.id, command.context)
        _, after = await update_profile(self.profiles, self.session_guard, self.clock, profile_id, command)
        return after
