"""Exchange an e-mail address and a password for tokens."""

from dataclasses import dataclass, field, replace
from uuid import UUID

from service.app.auth.actors import Anonymous
from service.app.auth.passwords import Passwords
from service.app.auth.second_factor import SecondFactor
from service.app.auth.sessions import LoggedIn, Sessions, new_session_id
from service.app.auth.tokens import Device, DeviceTokens
from service.app.ids import new_id
from service.app.request_context import RequestContext
from service.domain.email import Email
from service.domain.errors import Invalid, Unauthenticated
from service.domain.profile import Profile, ProfileRepository


class EmailNotVerified(Unauthenticated):
    """The password is right, and the settings ask for a verified address, too."""

    reason = "email_not_verified"
    message = "The e-mail address has to be verified first."


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchange an e-mail address and a password for tokens.

    Attributes:
        refresh_token: Of a session that ends now: the new one takes its place.

    """

    context: RequestContext
    email: str
    password: str = field(repr=False)
    device_token: str | None = field(default=None, repr=False)
    otp: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LogInHandler:
    """Carries out `LogIn`.

    Attributes:
        needs_verified_email: Whether nobody is logged in whose address is not verified.

    """

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    device_tokens: DeviceTokens
    second_factor: SecondFactor
    needs_verified_email: bool = False

    async def handle(self, command: LogIn) -> LoggedIn:
        """Return the tokens of a new session.

        Raises:
            InvalidCredentials
            EmailNotVerified, OtpRequired, OtpInvalid: Only who knows the password is told so.

        """
        self.passwords.hasher.ensure_capacity()  # or an overload would cost the databases work for nothing
        began = self.sessions.clock.now()
        try:
            email = Email.recognised(command.email)
        except Invalid:
            account, profile = command.email, None
        else:
            account, profile = email.key, await self.profiles.find_by_email(email)
        device = self._device(command, profile)
        # Nobody is logged in yet, whatever token came with the request: only a device is known.
        attempt = replace(command.context, actor=Anonymous()).attempt(account, device)
        profile = await self.passwords.verify_credentials(command.password, profile, attempt)
        # Before the code, which is used up by a look at it.
        if self.needs_verified_email and not profile.email_verified:
            raise EmailNotVerified
        await self.second_factor.check(profile, command.otp, attempt)
        # Older than whatever ends all sessions from the beginning on: gateways compare its time.
        session_id = new_session_id(profile, began)
        origin, former = command.context.origin, command.refresh_token
        has_code = profile.totp is not None
        opened = await self.sessions.open(profile, session_id, origin, former, with_code=has_code)
        token = self.device_tokens.issue(Device(profile.id, device or new_id(self.sessions.clock.now())))
        return replace(opened, device_token=token)

    def _device(self, command: LogIn, profile: Profile | None) -> UUID | None:
        """Return the device of the user of *profile* that the command comes from, if it proves that."""
        device = self.device_tokens.read(command.device_token) if command.device_token else None
        return device.id if device and profile and device.user_id == profile.id else None
