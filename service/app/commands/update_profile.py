"""Change some fields of a profile."""

from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from service.app.auth.actors import Caller
from service.app.auth.passwords import CurrentPasswordRequired, Passwords
from service.app.auth.permissions import Action, is_owner, require
from service.app.auth.sessions import Sessions
from service.app.auth.standing import Standings
from service.app.clock import Clock
from service.app.commands.saving import Change, change_profile
from service.domain.profile import Profile, ProfilePatch, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile:
    """Change some fields of a profile."""

    caller: Caller
    profile_id: UUID
    changes: ProfilePatch
    expected_version: int | None = None
    current_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UpdateProfileHandler:
    """Carries out `UpdateProfile`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    standings: Standings
    clock: Clock

    async def handle(self, command: UpdateProfile) -> Profile:
        """Return the profile as it is after the change."""
        actor, changes = command.caller.actor, command.changes
        require(Action.SEE_PUBLIC_PROFILE, actor, command.profile_id)
        if changes.email and is_owner(actor, command.profile_id):
            await self._prove_password(command)
        change: Change[Profile] = Change(
            may=lambda profile: self._require(command, profile),
            decide=lambda profile: profile.updated(changes, self.clock.now()),
            standing=partial(self.standings.of, actor),
            expected_version=command.expected_version,
            command=command.caller.command,
        )
        before, after = await change_profile(self.profiles, command.profile_id, change)
        if after.sessions_version != before.sessions_version:
            await self.sessions.discard(after)
        return after

    def _require(self, command: UpdateProfile, profile: Profile) -> None:
        require(Action.CHANGE_PROFILE, command.caller.actor, profile.id)
        if command.changes.role or command.changes.status:
            require(Action.CHANGE_STANDING, command.caller.actor, profile.id)

    async def _prove_password(self, command: UpdateProfile) -> None:
        """Raise unless the owner knows the password: an address is the way back into an account."""
        if command.current_password is None:
            raise CurrentPasswordRequired
        profile = await self.profiles.get(command.profile_id)
        await self.passwords.prove(
            command.current_password, profile, command.caller.attempt(profile.email.key)
        )
