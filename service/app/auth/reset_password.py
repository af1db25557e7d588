"""Set a new password by a one-time token, for who has forgotten the old one."""

from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from service.app.auth.one_time_tokens import (
    OneTimeToken,
    OneTimeTokenInvalid,
    OneTimeTokens,
    TokenPurpose,
    find_done,
    state_of,
)
from service.app.auth.passwords import Passwords
from service.app.auth.sessions import Sessions
from service.app.clock import Clock
from service.app.optimistic_update import ProfileMutation, update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Set a new password; all sessions end."""

    context: RequestContext
    token: str = field(repr=False)
    new_password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResetPasswordHandler:
    """Carries out `ResetPassword`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    tokens: OneTimeTokens
    clock: Clock

    async def handle(self, command: ResetPassword) -> UUID:
        """Return whose password it is.

        Raises:
            OneTimeTokenInvalid
            Invalid: The password is none that anybody should have. The token stays good.

        """
        token = self.tokens.read(TokenPurpose.RESET_PASSWORD, command.token)
        try:
            after = await self._reset(command, token)
        except (OneTimeTokenInvalid, ProfileNotFound):
            after = await find_done(self.profiles, token, command.context)
        await self.sessions.discard(after)
        return after.id

    async def _reset(self, command: ResetPassword, token: OneTimeToken) -> Profile:
        profile = await self.profiles.get(token.profile_id)
        self._authorize(token, profile)  # before the work
        words = profile.personal_words
        hashed = await self.passwords.hash_new(command.new_password, words, "new_password")
        # The token is looked at each time that the profile is read.
        authorize = partial(self._authorize, token)
        apply = partial(Profile.with_password, hashed=hashed, session_id=None)
        change = ProfileMutation(command.context, authorize, apply)
        guard = self.sessions.session_guard
        _, after = await update_profile(self.profiles, guard, self.clock, profile.id, change)
        return after

    def _authorize(self, token: OneTimeToken, profile: Profile) -> None:
        """Raise if something has ended *token*."""
        if not self.tokens.is_bound_to(token, state_of(profile)):
            raise OneTimeTokenInvalid
