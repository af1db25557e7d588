"""Change some fields of a profile."""

from dataclasses import dataclass, field
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.passwords import CurrentPasswordRequired, InvalidCredentials, PasswordHasher
from service.app.auth.permissions import Action, Relation, relation, require
from service.app.clock import Clock
from service.app.commands.saving import change
from service.domain.errors import Invalid
from service.domain.passwords import password_bytes
from service.domain.profiles import Profile, ProfileChanges, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProfile:
    """Change some fields of a profile."""

    actor: Actor
    profile_id: UUID
    changes: ProfileChanges
    expected_version: int | None = None
    current_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UpdateProfileHandler:
    """Carries out `UpdateProfile`."""

    profiles: ProfileRepository
    passwords: PasswordHasher
    clock: Clock

    async def handle(self, command: UpdateProfile) -> Profile:
        """Return the profile as it is after the change."""
        require(Action.SEE_PUBLIC_PROFILE, command.actor, command.profile_id)
        if command.changes.email and relation(command.actor, command.profile_id) is Relation.SELF:
            await self._prove_password(command)
        return await change(
            self.profiles,
            command.profile_id,
            command.expected_version,
            lambda profile: self._decide(command, profile),
        )

    def _decide(self, command: UpdateProfile, profile: Profile) -> Profile:
        require(Action.CHANGE_PROFILE, command.actor, profile.id)
        if command.changes.role or command.changes.status:
            require(Action.CHANGE_STANDING, command.actor, profile.id)
        return profile.changed(command.changes, self.clock.now())

    async def _prove_password(self, command: UpdateProfile) -> None:
        """Raise unless the owner knows the password: an address is the way back into an account."""
        if command.current_password is None:
            raise CurrentPasswordRequired
        try:
            password = password_bytes(command.current_password)
        except Invalid as error:
            raise InvalidCredentials from error
        profile = await self.profiles.get(command.profile_id)
        if not await self.passwords.verify(password, profile.hashed_password):
            raise InvalidCredentials
