"""Exchange an e-mail address and a password for an access token."""

from dataclasses import dataclass, field

from service.app.auth.actors import User
from service.app.auth.passwords import InvalidCredentials, PasswordHasher
from service.app.auth.tokens import AccessToken, AccessTokens
from service.domain.emails import Email
from service.domain.errors import Invalid
from service.domain.passwords import password_bytes
from service.domain.profiles import Profile, ProfileRepository

# Hashed instead of a password that cannot be anybody's, so that refusing it takes as long.
_NOBODYS_PASSWORD = b"-"


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchange an e-mail address and a password for an access token."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A user who has just shown the password."""

    profile: Profile
    access_token: AccessToken


@dataclass(frozen=True, slots=True)
class LogInHandler:
    """Carries out `LogIn`."""

    profiles: ProfileRepository
    passwords: PasswordHasher
    tokens: AccessTokens

    async def handle(self, command: LogIn) -> LoggedIn:
        """Return the user and a new access token.

        The same work and the same answer whether the address is unknown, the password wrong, or
        the user suspended or deleted (OWASP Authentication Cheat Sheet, "Authentication Responses").

        Raises:
            InvalidCredentials

        """
        profile = await self._find(command.email)
        if profile is not None and not profile.may_log_in:
            profile = None
        try:
            password = password_bytes(command.password)
        except Invalid:
            profile, password = None, _NOBODYS_PASSWORD
        matches = await self.passwords.verify(password, profile.hashed_password if profile else None)
        if profile is None or not matches:
            raise InvalidCredentials
        return LoggedIn(profile, self.tokens.issue(User(profile.id, profile.role)))

    async def _find(self, email: str) -> Profile | None:
        try:
            return await self.profiles.find_by_email(Email.parse(email))
        except Invalid:
            return None
