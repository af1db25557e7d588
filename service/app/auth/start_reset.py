"""Give a token by which a forgotten password is reset, for a trusted service to send to its user."""

from dataclasses import dataclass, field
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.one_time_tokens import OneTimeTokens, TokenPurpose, state_of
from service.app.auth.permissions import Action, authorize
from service.domain.email import Email
from service.domain.profile import ProfileNotFound, ProfileRepository


@dataclass(frozen=True, slots=True)
class StartReset:
    """Give a token for the user with this address."""

    actor: Actor
    email: str


@dataclass(frozen=True, slots=True)
class ResetStarted:
    """What a trusted service sends, and to which address.

    Attributes:
        email: That of the profile. What was typed names the same user, and perhaps another mailbox: `groß@`
            and `gross@` are one name here (Unicode TR36, 3.6), and two to many mail servers.

    """

    profile_id: UUID
    email: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartResetHandler:
    """Answers `StartReset`."""

    profiles: ProfileRepository
    tokens: OneTimeTokens

    async def handle(self, query: StartReset) -> ResetStarted:
        """Return the token. Nothing is changed by that.

        Raises:
            EmailMalformed
            ProfileNotFound: Nobody has the address who may log in.

        """
        authorize(Action.START_RESET, query.actor)
        profile = await self.profiles.find_by_email(Email.recognised(query.email))
        if profile is None or not profile.may_log_in:
            raise ProfileNotFound
        token = self.tokens.issue(TokenPurpose.RESET_PASSWORD, profile.id, state_of(profile))
        return ResetStarted(profile.id, profile.email.typed, token)
