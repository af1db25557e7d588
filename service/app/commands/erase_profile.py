"""Scrub everything personal about a user, for good (GDPR, article 17).

For operators, and for the worker once a deleted profile could not be restored any more.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from service.app.clock import Clock
from service.domain.errors import StaleVersion
from service.domain.profile import Profile, ProfileRepository
from service.domain.session import SessionRepository

_BATCH: Final = 100

Guard = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class EraseProfile:
    """Scrub everything personal about a user. Posts follow."""

    profile_id: UUID


@dataclass(frozen=True, slots=True)
class EraseProfileHandler:
    """Carries out `EraseProfile`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    clock: Clock

    async def handle(self, command: EraseProfile) -> Profile:
        """Return what is left of the profile.

        Raises:
            ProfileNotFound
            StaleVersion: Somebody else has just changed it.
            LastAdmin: Nobody could administrate after that.

        """
        return await self.erase(await self.profiles.get_including_deleted(command.profile_id))

    async def erase(self, before: Profile) -> Profile:
        """Scrub a profile, if it is still as it was *before*; return what is left of it.

        Raises:
            StaleVersion: Somebody else has just changed it.
            LastAdmin: Nobody could administrate after that.

        """
        after = before.erased(self.clock.now())
        if after is not before:
            await self.profiles.save(after, require_other_admin=before.may_administrate)
        # Of an erased one, too: whoever erased it may have died before this.
        await self.sessions.discard(after.id, before=after.sessions_version + 1)
        return after


@dataclass(frozen=True, slots=True)
class EraseExpiredHandler:
    """Erases what was deleted longer ago than the retention time.

    Attributes:
        each: What each profile is erased inside, so that one that can't be does not keep the others.

    """

    profiles: ProfileRepository
    erase: EraseProfileHandler
    clock: Clock
    retention: timedelta
    each: Guard = nullcontext

    async def handle(self) -> None:
        """Erase the profiles that are due, or so many of very many; those that can't be are passed over."""
        moment, erased, passed_over = self.clock.now() - self.retention, 0, 0
        while erased < _BATCH and (
            due := await self.profiles.deleted_before(moment, _BATCH - erased, skip=passed_over)
        ):
            for profile in due:
                passed_over += 1
                with self.each(), suppress(StaleVersion):  # it was restored, or another worker was faster
                    await self.erase.erase(profile)
                    passed_over, erased = passed_over - 1, erased + 1
