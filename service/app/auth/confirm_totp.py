"""Make an app the second factor of the user who asks, by a code of it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from service.app.auth.enroll_totp import EnrolmentInvalid, require_no_totp, secret_of
from service.app.auth.permissions import require_user
from service.app.auth.second_factor import OtpInvalid, SecretBox, about_totp
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.optimistic_update import ProfileMutation, update_profile
from service.app.request_context import RequestContext
from service.domain.errors import Unavailable
from service.domain.profile import Profile, ProfileRepository
from service.domain.session import SessionRepository
from service.domain.totp import RECOVERY_CODES, Totp, matching_step, new_recovery_code, recovery_digest


@dataclass(frozen=True, slots=True)
class ConfirmTotp:
    """Confirm an enrolment by a code."""

    context: RequestContext
    enrolment: str = field(repr=False)
    otp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ConfirmTotpHandler:
    """Carries out `ConfirmTotp`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    session_guard: SessionGuard
    box: SecretBox
    clock: Clock

    async def handle(self, command: ConfirmTotp) -> Sequence[str]:
        """Return the recovery codes: nobody can be told them again.

        Raises:
            EnrolmentInvalid, OtpInvalid, TotpAlreadyEnrolled

        """
        user = require_user(command.context.actor)
        profile = await self.profiles.get(user.id)
        now = self.clock.now()
        secret = secret_of(command.enrolment, profile, self.box, now)
        if (step := matching_step(secret, command.otp, now)) is None:
            raise OtpInvalid
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        digests = tuple(recovery_digest(profile.id, each) for each in codes)
        totp = Totp(self.box.encrypt(secret, about_totp(profile.id)), step, digests)
        change = ProfileMutation(command.context, require_no_totp, partial(Profile.with_totp, totp=totp))
        _, after = await update_profile(self.profiles, self.session_guard, self.clock, profile.id, change)
        if after.totp != totp:  # this very command came before, and the factor was removed since
            raise EnrolmentInvalid
        with suppress(Unavailable):  # a login with a code makes up for that, and for lost codes nothing does
            await self.sessions.note_code(user.session)
        return codes
