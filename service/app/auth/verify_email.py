"""Verify an address by a one-time token that was sent to it."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.one_time_tokens import (
    OneTimeToken,
    OneTimeTokenInvalid,
    OneTimeTokens,
    TokenPurpose,
    find_done,
    state_of,
)
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.optimistic_update import ProfileMutation, update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """Verify the address that the token was sent to."""

    context: RequestContext
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifyEmailHandler:
    """Carries out `VerifyEmail`."""

    profiles: ProfileRepository
    session_guard: SessionGuard
    tokens: OneTimeTokens
    clock: Clock

    async def handle(self, command: VerifyEmail) -> Profile:
        """Return the profile as it is now, or raise `OneTimeTokenInvalid`."""
        token = self.tokens.read(TokenPurpose.VERIFY_EMAIL, command.token)
        # The token is looked at each time that the profile is read.
        authorize = partial(self._authorize, token)
        change = ProfileMutation(command.context, authorize, Profile.with_verified_email)
        try:
            # A deletion has ended the token. Not to find who is gone would take another time than to refuse.
            _, after = await update_profile(
                self.profiles,
                self.session_guard,
                self.clock,
                token.profile_id,
                change,
                including_deleted=True,
            )
        except (OneTimeTokenInvalid, ProfileNotFound):
            return await find_done(self.profiles, token, command.context)
        return after

    def _authorize(self, token: OneTimeToken, profile: Profile) -> None:
        """Raise if something has ended *token*, or the address is verified already."""
        if profile.email_verified or not self.tokens.is_bound_to(token, state_of(profile)):
            raise OneTimeTokenInvalid
