"""Scrub everything personal about a user, for good (GDPR, article 17).

When somebody asks for it, and by the worker once a deleted profile could not be restored any more.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from service.app.auth.permissions import Action, authorize
from service.app.auth.session_guard import SessionGuard
from service.app.auth.sessions import SessionStatusCache
from service.app.clock import Clock
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.errors import StaleVersion
from service.domain.profile import Profile, ProfileRepository, Status
from service.domain.session import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseProfile:
    """Scrub everything personal about a user. Posts follow."""

    context: RequestContext
    profile_id: UUID
    expected_version: int | None = None

    def authorize(self, _profile: Profile) -> None:
        """Raise unless whoever asks may erase profiles."""
        authorize(Action.ERASE_PROFILE, self.context.actor)

    def apply(self, profile: Profile, now: datetime) -> Profile:
        """Return what is left of *profile*."""
        return profile.erased(now)


@dataclass(frozen=True, slots=True)
class EraseProfileHandler:
    """Carries out `EraseProfile`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    session_cache: SessionStatusCache
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: EraseProfile) -> Profile:
        """Return what is left of the profile; of one that is erased already, the same.

        Raises:
            ProfileNotFound
            LastAdmin: Nobody could administrate after that.
            StaleVersion: It is not, and was not before it was erased, at the expected version.

        """
        authorize(Action.ERASE_PROFILE, command.context.actor)
        # What was asked for is personal, too: no key of it is kept, and to erase twice is to erase once.
        unnamed = replace(command, context=replace(command.context, idempotency_key=None))
        try:
            _, after = await update_profile(
                self.profiles,
                self.session_guard,
                self.clock,
                command.profile_id,
                unnamed,
                including_deleted=True,
            )
        except StaleVersion:
            after = await self.profiles.get_including_deleted(command.profile_id)
            # Erased as it was expected to be: by this very command, for all that anybody can tell.
            if after.status is not Status.ERASED or after.version - 1 != command.expected_version:
                raise
        return await self._without_sessions(after)

    async def erase(self, before: Profile) -> Profile:
        """Scrub a profile, if it is still as it was *before*; return what is left of it.

        Raises:
            StaleVersion: Somebody else has just changed it.
            LastAdmin: Nobody could administrate after that.

        """
        after = before.erased(self.clock.now())
        if after is not before:
            await self.profiles.save(after, require_other_admin=before.may_administrate)
        return await self._without_sessions(after)

    async def _without_sessions(self, erased: Profile) -> Profile:
        """Remove sessions of one that was erased before, too: whoever did that may have died before this."""
        discarded = await self.sessions.discard(erased.id, before=erased.sessions_version + 1)
        await self.session_cache.mark_ended(discarded)
        return erased
