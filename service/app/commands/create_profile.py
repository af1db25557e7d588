"""Sign a user up."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.actors import Actor
from service.app.auth.passwords import Passwords
from service.app.auth.permissions import Action, RoleNotAllowed, authorize
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.idempotency import find_created
from service.app.ids import new_id
from service.app.optimistic_update import WriteContention, authorized_write
from service.app.request_context import RequestContext
from service.domain.attributes import Attributes, checked
from service.domain.email import Email
from service.domain.idempotency import AlreadyCreated
from service.domain.password import personal_words
from service.domain.profile import EmailTaken, Profile, ProfileRepository, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProfile:
    """Sign a user up with a password.

    Attributes:
        is_verified: Whether the address is known to be the user's. Nobody says so over the broker.

    """

    context: RequestContext
    first_name: str
    last_name: str = ""
    email: str
    password: str = field(repr=False)
    role: Role = Role.USER
    is_verified: bool = False
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateProfileHandler:
    """Carries out `CreateProfile`."""

    profiles: ProfileRepository
    passwords: Passwords
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: CreateProfile) -> Profile:
        """Return the new profile."""
        actor, key = command.context.actor, command.context.idempotency_key
        authorize(Action.CREATE_PROFILE, actor)
        if command.role is not Role.USER:
            authorize(Action.GIVE_ROLE, actor, refusal=RoleNotAllowed)
        if created := await find_created(self.profiles, key):
            return created
        email, attributes = Email.parse(command.email), checked(command.attributes)
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
            attributes=attributes,
            created_at=now,
            updated_at=now,
            verified_email_key=email.key if command.is_verified else None,
            idempotency_key=key,
        )
        try:
            await self._add(profile.with_created_event(), actor)
        except (AlreadyCreated, EmailTaken) as error:
            # Perhaps it was this very command, just now, on another worker.
            if created := await find_created(self.profiles, key):
                return created
            if isinstance(error, AlreadyCreated):
                raise WriteContention from None
            raise
        return profile

    async def _add(self, profile: Profile, actor: Actor) -> None:
        """Store *profile*; one with a role only while whoever gives it may do so: hashing took a while."""
        if profile.role is Role.USER:
            await self.profiles.add(profile)
        else:
            await authorized_write(self.session_guard, actor, partial(self.profiles.add, profile))
