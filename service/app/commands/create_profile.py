"""Sign a user up."""

from dataclasses import dataclass, field

from service.app.auth.actors import Actor
from service.app.auth.passwords import PasswordHasher
from service.app.auth.permissions import Action, RoleNotAllowed, require
from service.app.clock import Clock
from service.app.ids import new_id
from service.domain.emails import Email
from service.domain.passwords import new_password_bytes
from service.domain.profiles import Profile, ProfileRepository, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProfile:
    """Sign a user up with a password."""

    actor: Actor
    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)
    role: Role = Role.USER


@dataclass(frozen=True, slots=True)
class CreateProfileHandler:
    """Carries out `CreateProfile`."""

    profiles: ProfileRepository
    passwords: PasswordHasher
    clock: Clock

    async def handle(self, command: CreateProfile) -> Profile:
        """Return the new profile."""
        require(Action.CREATE_PROFILE, command.actor)
        if command.role is not Role.USER:
            require(Action.GIVE_ROLE, command.actor, refusal=RoleNotAllowed)
        email = Email.parse(command.email)
        password = new_password_bytes(command.password)
        now = self.clock.now()
        profile = Profile(
            id=new_id(now),
            oid=self.profiles.next_oid(),
            first_name=command.first_name,
            last_name=command.last_name,
            email=email,
            hashed_password=await self.passwords.hash(password),
            role=command.role,
            created_at=now,
            updated_at=now,
        )
        await self.profiles.add(profile)
        return profile
