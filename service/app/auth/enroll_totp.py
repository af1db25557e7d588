"""Give a secret for an app, which is the second factor once a code of it has confirmed that it is there."""

import base64
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from service.app.auth.passwords import Passwords
from service.app.auth.permissions import require_user
from service.app.auth.second_factor import SecretBox
from service.app.clock import Clock
from service.app.request_context import RequestContext
from service.domain.errors import Conflict, Invalid
from service.domain.profile import Profile, ProfileRepository
from service.domain.totp import new_secret, uri_of, written

LIFETIME: Final = timedelta(minutes=30)
_END: Final = struct.Struct(">Q")


class TotpAlreadyEnrolled(Conflict):
    """The one that there is has to be removed first."""

    reason = "totp_already_enrolled"
    message = "There is a second factor already: remove it first."


class EnrolmentInvalid(Invalid):
    """It is none of this user, or too old, or the password has changed since."""

    reason = "enrolment_invalid"
    message = "The enrolment is not valid any more: begin it again."
    field = "enrolment"


@dataclass(frozen=True, slots=True)
class EnrollTotp:
    """Give a secret to the user who asks."""

    context: RequestContext
    current_password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app needs, and what has to come back with a code of it. Nothing is stored until then."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnrollTotpHandler:
    """Answers `EnrollTotp`.

    Attributes:
        issuer: What apps call this service.

    """

    profiles: ProfileRepository
    passwords: Passwords
    box: SecretBox
    clock: Clock
    issuer: str

    async def handle(self, query: EnrollTotp) -> Enrolment:
        """Return a secret. Nothing is changed by that.

        Raises:
            InvalidCredentials
            TotpAlreadyEnrolled

        """
        profile = await self.profiles.get(require_user(query.context.actor).id)
        attempt = query.context.attempt(profile.email.key)
        profile = await self.passwords.verify_credentials(query.current_password, profile, attempt)
        require_no_totp(profile)
        secret, end = new_secret(), int((self.clock.now() + LIFETIME).timestamp())
        sealed = self.box.encrypt(_END.pack(end) + secret, about_enrolment(profile))
        uri = uri_of(secret, self.issuer, profile.email.typed)
        return Enrolment(written(secret), uri, base64.urlsafe_b64encode(sealed).decode())


def require_no_totp(profile: Profile) -> None:
    """Raise if there is a second factor already."""
    if profile.totp:
        raise TotpAlreadyEnrolled


def about_enrolment(profile: Profile) -> str:
    """Return what an enrolment is about: it ends when the password changes that was shown for it."""
    return f"enrolment of {profile.id}/{profile.sessions_version}"


def secret_of(enrolment: str, profile: Profile, box: SecretBox, now: datetime) -> bytes:
    """Return the secret that was given to the user of *profile*, or raise `EnrolmentInvalid`."""
    try:
        sealed = base64.b64decode(enrolment, b"-_", validate=True)
    except ValueError as error:
        raise EnrolmentInvalid from error
    if (said := box.decrypt(sealed, about_enrolment(profile))) is None:
        raise EnrolmentInvalid
    (end,) = _END.unpack_from(said)
    if now >= datetime.fromtimestamp(end, UTC):
        raise EnrolmentInvalid
    return said[_END.size :]
