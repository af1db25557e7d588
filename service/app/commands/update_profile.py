"""Change some fields of a profile."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.app.auth.passwords import Passwords
from service.app.auth.permissions import Action, authorize, is_owner
from service.app.auth.session_guard import SessionGuard
from service.app.auth.sessions import Sessions
from service.app.clock import Clock
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfilePatch, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile:
    """Change some fields of a profile."""

    context: RequestContext
    profile_id: UUID
    patch: ProfilePatch
    expected_version: int | None = None
    current_password: str | None = field(default=None, repr=False)

    def authorize(self, profile: Profile) -> None:
        """Raise unless whoever asks may change these fields of *profile*."""
        authorize(Action.CHANGE_PROFILE, self.context.actor, profile.id)
        if self.patch.role or self.patch.status:
            authorize(Action.CHANGE_ROLE_OR_STATUS, self.context.actor, profile.id)

    def apply(self, profile: Profile, now: datetime) -> Profile:
        """Return *profile* with the patch applied."""
        return profile.updated(self.patch, now)


@dataclass(frozen=True, slots=True)
class UpdateProfileHandler:
    """Carries out `UpdateProfile`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: UpdateProfile) -> Profile:
        """Return the profile as it is after the change."""
        actor = command.context.actor
        authorize(Action.SEE_PUBLIC_PROFILE, actor, command.profile_id)
        if command.patch.email and is_owner(actor, command.profile_id):
            # An address is the way back into an account.
            await self.passwords.verify_current(command.current_password, command.profile_id, command.context)
        before, after = await update_profile(
            self.profiles, self.session_guard, self.clock, command.profile_id, command
        )
        if after.sessions_version != before.sessions_version:
            await self.sessions.discard(after)
        return after
