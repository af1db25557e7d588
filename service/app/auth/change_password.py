"""Change the password of the user who asks."""

from dataclasses import dataclass, field

from service.app.auth.actors import Caller
from service.app.auth.passwords import Passwords
from service.app.auth.permissions import require_user
from service.app.auth.sessions import LoggedIn, Sessions
from service.app.clock import Clock
from service.app.commands.saving import TooManyWriters
from service.app.ids import new_id
from service.domain.changes import StaleVersion
from service.domain.profile_repository import ProfileRepository


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Change the password; all other sessions end."""

    caller: Caller
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangePasswordHandler:
    """Carries out `ChangePassword`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    clock: Clock

    async def handle(self, command: ChangePassword) -> LoggedIn:
        """Return the tokens of a new session; all sessions before it have ended."""
        user = require_user(command.caller.actor)
        profile = await self.profiles.get(user.id)
        attempt = command.caller.attempt(profile.email.key)
        profile = await self.passwords.prove(command.current_password, profile, attempt)
        hashed = await self.passwords.hash_new(command.new_password, profile.personal_words)
        now = self.clock.now()
        session_id = new_id(now)
        after = profile.with_password(hashed, session_id, now)
        try:
            await self.profiles.save(after)
        except StaleVersion as error:
            # The password that was shown may not be the current one any more.
            raise TooManyWriters from error
        await self.sessions.discard(after)
        return await self.sessions.open(after, session_id)
