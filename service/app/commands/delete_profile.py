"""Delete a profile."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, require
from service.app.auth.sessions import Sessions
from service.app.auth.standing import Standings
from service.app.clock import Clock
from service.app.commands.saving import Change, change_profile
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import Profile, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteProfile:
    """Delete a profile; its address is free from then on."""

    actor: Actor
    profile_id: UUID
    expected_version: int | None = None
    named: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class DeleteProfileHandler:
    """Carries out `DeleteProfile`."""

    profiles: ProfileRepository
    sessions: Sessions
    standings: Standings
    clock: Clock

    async def handle(self, command: DeleteProfile) -> Profile:
        """Return the profile as it was deleted."""
        require(Action.SEE_PUBLIC_PROFILE, command.actor, command.profile_id)
        change: Change[Profile] = Change(
            may=lambda profile: require(Action.DELETE_PROFILE, command.actor, profile.id),
            decide=lambda profile: profile.deleted(self.clock.now()),
            standing=partial(self.standings.of, command.actor),
            expected_version=command.expected_version,
            command=command.named,
        )
        _, deleted = await change_profile(self.profiles, command.profile_id, change)
        await self.sessions.discard(deleted)
        return deleted
