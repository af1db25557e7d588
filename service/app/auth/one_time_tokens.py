"""One-time tokens: who holds one reads the mails to the address of a profile. The port, and how one is used.

They are not stored. Each is bound to what it may change: so it is good once, and dies with a change of the
password or of the address.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final, Protocol
from uuid import UUID

from service.app.idempotency import find_processed_profile
from service.app.request_context import RequestContext
from service.domain.errors import Unauthenticated
from service.domain.profile import Profile, ProfileRepository

LIFETIME: Final = timedelta(minutes=30)


class OneTimeTokenInvalid(Unauthenticated):
    """It is none of ours, it was used, or something else has ended it."""

    reason = "one_time_token_invalid"
    message = "The token is not valid any more: ask for another one."


class TokenPurpose(IntEnum):
    """What a token is for. The numbers are in tokens."""

    RESET_PASSWORD = 1
    VERIFY_EMAIL = 2


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """What a genuine token says.

    Attributes:
        binding: A keyed digest of how the profile was when it was issued.

    """

    profile_id: UUID
    binding: bytes


class OneTimeTokens(Protocol):
    """Writes and reads one-time tokens."""

    def issue(self, purpose: TokenPurpose, profile_id: UUID, state: str) -> str:
        """Return a token that is good for `LIFETIME`, while the profile is in that *state*."""

    def read(self, purpose: TokenPurpose, token: str) -> OneTimeToken:
        """Return what *token* says, or raise `OneTimeTokenInvalid`: not genuine, or its time is over."""

    def is_bound_to(self, token: OneTimeToken, state: str) -> bool:
        """Return whether it was issued for that *state*."""


def state_of(profile: Profile) -> str:
    """Return what ends all one-time tokens of *profile* once it changes.

    A changed password counts `sessions_version` up, and a changed address `email_version`. The address itself
    is there for the sake of former versions of the service, which do not count.
    """
    return f"{profile.sessions_version}/{profile.email_version}/{profile.email.key}"


async def find_done(profiles: ProfileRepository, token: OneTimeToken, context: RequestContext) -> Profile:
    """Return the profile of *token*, if this very command has used it: the reply may have been lost.

    Raises:
        OneTimeTokenInvalid: Something else has.

    """
    profile = await find_processed_profile(profiles, token.profile_id, context)
    if profile is None or not profile.may_log_in:
        raise OneTimeTokenInvalid
    return profile
