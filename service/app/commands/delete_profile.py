"""Delete a profile."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.app.auth.actors import former_user
from service.app.auth.permissions import Action, authorize
from service.app.auth.session_guard import SessionGuard
from service.app.auth.sessions import Sessions
from service.app.clock import Clock
from service.app.idempotency import find_processed_profile
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileRepository, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteProfile:
    """Delete a profile; its address is free from then on."""

    context: RequestContext
    profile_id: UUID
    expected_version: int | None = None

    def authorize(self, profile: Profile) -> None:
        """Raise unless whoever asks may delete *profile*."""
        authorize(Action.DELETE_PROFILE, self.context.actor, profile.id)

    def apply(self, profile: Profile, now: datetime) -> Profile:
        """Return *profile* as deleted."""
        return profile.deleted(now)


@dataclass(frozen=True, slots=True)
class DeleteProfileHandler:
    """Carries out `DeleteProfile`."""

    profiles: ProfileRepository
    sessions: Sessions
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: DeleteProfile) -> Profile:
        """Return the profile as it was deleted."""
        deleted = None
        if user := former_user(command.context.actor):
            deleted = await find_processed_profile(self.profiles, user.id, command.context)
        if deleted is None or deleted.status is not Status.DELETED:
            authorize(Action.SEE_PUBLIC_PROFILE, command.context.actor, command.profile_id)
            _, deleted = await update_profile(
                self.profiles, self.session_guard, self.clock, command.profile_id, command
            )
        await self.sessions.discard(deleted)
        return deleted
