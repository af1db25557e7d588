"""Give a token by which an address is verified, for a gateway to send to that address."""

from dataclasses import dataclass, field
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.one_time_tokens import OneTimeTokens, TokenPurpose, state_of
from service.app.auth.permissions import Action, authorize
from service.domain.errors import Conflict
from service.domain.profile import ProfileRepository


class EmailAlreadyVerified(Conflict):
    """There is nothing to verify."""

    reason = "email_already_verified"
    message = "The e-mail address is verified."


@dataclass(frozen=True, slots=True)
class StartVerification:
    """Give a token for the address of a profile."""

    actor: Actor
    profile_id: UUID


@dataclass(frozen=True, slots=True)
class VerificationStarted:
    """What a gateway sends, and to which address."""

    email: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartVerificationHandler:
    """Answers `StartVerification`."""

    profiles: ProfileRepository
    tokens: OneTimeTokens

    async def handle(self, query: StartVerification) -> VerificationStarted:
        """Return the token. Nothing is changed by that.

        Raises:
            ProfileNotFound
            EmailAlreadyVerified

        """
        authorize(Action.START_VERIFICATION, query.actor, query.profile_id)
        profile = await self.profiles.get(query.profile_id)
        if profile.email_verified:
            raise EmailAlreadyVerified
        token = self.tokens.issue(TokenPurpose.VERIFY_EMAIL, profile.id, state_of(profile))
        return VerificationStarted(profile.email.typed, token)
