"""The second factor of a login: a code of an app, or a recovery code. What encrypts its secret is a port."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from service.app.auth.budgets import Attempt
from service.app.auth.throttle import Outcome, Throttle
from service.app.clock import Clock
from service.domain.errors import Unauthenticated, Unavailable
from service.domain.profile import Profile, ProfileRepository
from service.domain.totp import Totp, is_code, matching_step, recovery_digest


class OtpRequired(Unauthenticated):
    """The password is right. Nobody else is told that there is a second factor."""

    reason = "otp_required"
    message = "A code of the second factor is needed, too."


class OtpInvalid(Unauthenticated):
    """The code is wrong, or was used before."""

    reason = "otp_invalid"
    message = "The code is wrong, or was used before."


class SecretBox(Protocol):
    """Encrypts secrets that have to be read again."""

    def encrypt(self, secret: bytes, about: str) -> bytes:
        """Return *secret* as it may be stored; what it is *about* has to be said again to open it."""

    def decrypt(self, sealed: bytes, about: str) -> bytes | None:
        """Return what was sealed; nothing, if its key is not in use any more or it was changed."""

    def is_outdated(self, sealed: bytes, about: str) -> bool:
        """Return whether another key would be taken today."""


def about_totp(profile_id: UUID) -> str:
    """Return what the secret of a user's second factor is about."""
    return f"totp of {profile_id}"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """Tells whether who knows the password has the second factor, too."""

    profiles: ProfileRepository
    throttle: Throttle
    box: SecretBox
    clock: Clock

    async def check(self, profile: Profile, otp: str | None, attempt: Attempt) -> None:
        """Return if *profile* has no second factor, or if *otp* is a code of it that was not used before.

        Raises:
            OtpRequired
            OtpInvalid: It is counted.
            RateLimited, Unavailable: The code was not looked at.

        """
        if profile.totp is None:
            return
        if otp is None:
            raise OtpRequired
        async with self.throttle.attempt(replace(attempt, at_code=True)) as reservation:
            is_right = await self._use(profile, profile.totp, otp)
            reservation.outcome = Outcome.RIGHT if is_right else Outcome.WRONG
            if not is_right:
                raise OtpInvalid

    async def _use(self, profile: Profile, totp: Totp, otp: str) -> bool:
        if not is_code(otp):
            digest = recovery_digest(profile.id, otp)
            return digest in totp.recovery_digests and await self.profiles.use_recovery_code(profile, digest)
        about = about_totp(profile.id)
        secret = self.box.decrypt(totp.sealed_secret, about)
        step = secret and matching_step(secret, otp, self.clock.now(), totp.last_step)
        if not secret or not step or not await self.profiles.use_totp_step(profile, step):
            return False
        if self.box.is_outdated(totp.sealed_secret, about):
            with suppress(Unavailable):  # the next code sees to it; this one is used up
                await self.profiles.replace_totp_secret(profile, self.box.encrypt(secret, about))
        return True
