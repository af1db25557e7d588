"""Bring a deleted profile back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.app.auth.permissions import Action, authorize
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProfile:
    """Bring a deleted profile back, if its address is still free. Its posts follow."""

    context: RequestContext
    profile_id: UUID
    expected_version: int | None = None

    def authorize(self, _profile: Profile) -> None:
        """Raise unless whoever asks may restore profiles."""
        authorize(Action.RESTORE_PROFILE, self.context.actor)

    def apply(self, profile: Profile, now: datetime) -> Profile:
        """Return *profile* as it was before it was deleted."""
        return profile.restored(now)


@dataclass(frozen=True, slots=True)
class RestoreProfileHandler:
    """Carries out `RestoreProfile`."""

    profiles: ProfileRepository
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: RestoreProfile) -> Profile:
        """Return the profile as it was restored.

        Raises:
            ProfileNotFound
            NotDeleted: Nobody has deleted it, or somebody else has restored or erased it.
            EmailTaken: Somebody else has its address now.

        """
        authorize(Action.RESTORE_PROFILE, command.context.actor)
        _, restored = await update_profile(
            self.profiles,
            self.session_guard,
            self.clock,
            command.profile_id,
            command,
            including_deleted=True,
        )
        if restored.status is Status.DELETED:  # again: this very command came before
            raise ProfileNotFound
        return restored
