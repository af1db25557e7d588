"""Exchange an e-mail address and a password for tokens."""

from dataclasses import dataclass, field

from service.app.auth.actors import Caller
from service.app.auth.passwords import Passwords
from service.app.auth.sessions import LoggedIn, Sessions
from service.domain.emails import Email
from service.domain.errors import Invalid
from service.domain.profile_repository import ProfileRepository


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchange an e-mail address and a password for tokens."""

    caller: Caller
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogInHandler:
    """Carries out `LogIn`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions

    async def handle(self, command: LogIn) -> LoggedIn:
        """Return the tokens of a new session, or raise `InvalidCredentials`."""
        self.passwords.hasher.require_room()  # or an overload would cost the databases work for nothing
        try:
            email = Email.recognised(command.email)
        except Invalid:
            account, profile = command.email, None
        else:
            account, profile = email.key, await self.profiles.find_by_email(email)
        attempt = command.caller.attempt(account)
        return await self.sessions.open(await self.passwords.prove(command.password, profile, attempt))
