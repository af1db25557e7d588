"""Sign a user up."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from service.app.auth.actors import Actor
from service.app.auth.passwords import Passwords
from service.app.auth.permissions import Action, RoleNotAllowed, require
from service.app.auth.standing import Standings
from service.app.clock import Clock
from service.app.commands.saving import TooManyWriters, made_once
from service.app.ids import new_id
from service.domain.email import Email
from service.domain.errors import AuthorizationChanged
from service.domain.idempotency import AlreadyCreated, IdempotencyKey
from service.domain.password import personal_words
from service.domain.profile import EmailTaken, Profile, ProfileRepository, Role

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProfile:
    """Sign a user up with a password."""

    actor: Actor
    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)
    role: Role = Role.USER
    named: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class CreateProfileHandler:
    """Carries out `CreateProfile`."""

    profiles: ProfileRepository
    passwords: Passwords
    standings: Standings
    clock: Clock

    async def handle(self, command: CreateProfile) -> Profile:
        """Return the new profile."""
        require(Action.CREATE_PROFILE, command.actor)
        if command.role is not Role.USER:
            require(Action.GIVE_ROLE, command.actor, refusal=RoleNotAllowed)
        if made := await made_once(self.profiles.find_created_by, command.named):
            return made
        email = Email.parse(command.email)
        words = personal_words(command.first_name, command.last_name, email)
        hashed_password = await self.passwords.hash_new(command.password, words)
        now = self.clock.now()
        profile = Profile(
            id=new_id(now),
            oid=self.profiles.next_oid(),
            first_name=command.first_name,
            last_name=command.last_name,
            email=email,
            hashed_password=hashed_password,
            role=command.role,
            created_at=now,
            updated_at=now,
            idempotency_key=command.named,
        )
        try:
            await self._add(profile.with_created_event(), command)
        except (AlreadyCreated, EmailTaken):
            # Perhaps it was this very command, just now, on another worker.
            if made := await made_once(self.profiles.find_created_by, command.named):
                return made
            raise
        return profile

    async def _add(self, profile: Profile, command: CreateProfile) -> None:
        """Store *profile*; one with a role only while whoever gives it may do so: hashing took a while."""
        for _ in range(_ATTEMPTS):
            standing = await self.standings.of(command.actor) if profile.role is not Role.USER else None
            with suppress(AuthorizationChanged):  # perhaps another session of theirs has ended
                return await self.profiles.add(profile, proved=standing)
        raise TooManyWriters
