"""Passwords: the ports for hashing and screening them, and proving that one is known."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from service.app.auth.budgets import Attempt
from service.app.auth.throttle import Outcome, Throttle
from service.app.request_context import RequestContext
from service.domain.errors import Invalid, Unauthenticated, Unavailable
from service.domain.password import MOST_BYTES, new_password_bytes, password_bytes
from service.domain.profile import Profile, ProfileRepository

# Hashed instead of a password that cannot be anybody's, so that refusing it takes as long.
DUMMY_PASSWORD = b"-"


class InvalidCredentials(Unauthenticated):
    """Raised for unknown, wrong, suspended and deleted alike."""

    reason = "invalid_credentials"
    message = "The e-mail address or the password is wrong."


class CurrentPasswordRequired(Invalid):
    """A user does what nobody else should do who comes by the session of one."""

    reason = "current_password_required"
    message = "This needs your current password."
    field = "current_password"


class PasswordTooCommon(Invalid):
    """A new password is a common one, or made from words of the organisation (NIST SP 800-63B, 5.1.1.2)."""

    reason = "password_too_common"
    message = "The password is one of those that are guessed first."
    field = "password"


class PasswordTooPersonal(Invalid):
    """A new password can be guessed from the profile."""

    reason = "password_too_personal"
    message = "The password is made from your own name or address."
    field = "password"


class PasswordBreached(Invalid):
    """A new password is in the list of those that have leaked."""

    reason = "password_breached"
    message = "The password has leaked somewhere: others know it."
    field = "password"


class PasswordTooWeak(Invalid):
    """A new password would be guessed soon."""

    reason = "password_too_weak"
    message = "The password is too easy to guess: make it longer, of words that do not belong together."
    field = "password"


class PasswordHasher(Protocol):
    """Turns passwords into hashes, slowly and off the event loop. May raise `Unavailable`."""

    @property
    def max_bytes(self) -> int:
        """How long a password may be that is to be hashed. Of a hash from elsewhere it may be longer."""

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*."""

    async def verify(
        self, password: bytes, hashed: str | None, on_mismatch: Callable[[], None] = lambda: None
    ) -> bool:
        """Return whether *hashed* was made from *password*.

        With `None`, for a user who cannot log in, does the same work and returns False. A no may take longer
        than a yes: *on_mismatch* is called, in whatever thread, as soon as a yes would have been said.
        """

    def is_outdated(self, hashed: str) -> bool:
        """Return whether *hashed* would be made otherwise today."""

    def ensure_capacity(self) -> None:
        """Raise `Unavailable` if no more passwords can be taken just now."""


class CommonPasswords(Protocol):
    """Knows the passwords that are guessed first."""

    def __contains__(self, password: str) -> bool:
        """Return whether *password* is one of them, in whatever case."""


class BreachedPasswords(Protocol):
    """Knows the passwords that have leaked."""

    async def contains(self, password: str) -> bool:
        """Return whether *password* is one of them."""


class WeakPasswords(Protocol):
    """Knows the passwords that are guessed soon."""

    async def contains(self, password: str, personal: tuple[str, ...]) -> bool:
        """Return whether *password* is one of them, for somebody whom others know by *personal* words."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """Everything about passwords that several use cases need.

    Attributes:
        breached: Those that nobody should have any more, if operators have a list of them.
        weak: Those that are guessed soon, if operators ask for more than that it is not common.
        context_words: Words of the organisation and its services, which are guessed first there.

    """

    hasher: PasswordHasher
    common: CommonPasswords
    throttle: Throttle
    profiles: ProfileRepository
    breached: BreachedPasswords | None = None
    weak: WeakPasswords | None = None
    context_words: tuple[str, ...] = ()

    async def hash_new(self, password: str, personal: tuple[str, ...], field: str = "password") -> str:
        """Return the hash of a password that somebody wants to have from now on.

        Args:
            password: That one.
            personal: The words that it must not be made from (NIST SP 800-63B, 5.1.1.2).
            field: What the request calls it.

        """
        try:
            encoded = self._checked(password, personal)
            if self.breached and await self.breached.contains(encoded.decode()):
                raise PasswordBreached
            if self.weak and await self.weak.contains(encoded.decode(), (*personal, *self.context_words)):
                raise PasswordTooWeak
        except Invalid as refusal:
            refusal.field = field
            raise
        return await self.hasher.hash(encoded)

    def _checked(self, password: str, personal: tuple[str, ...]) -> bytes:
        encoded = new_password_bytes(password, self.hasher.max_bytes)
        normal = encoded.decode()  # or a spelling that is hashed alike would pass
        if normal in self.common:
            raise PasswordTooCommon
        if _is_made_from(normal, personal):
            raise PasswordTooPersonal
        if _is_made_from(normal, (*personal, *self.context_words)):
            raise PasswordTooCommon
        return encoded

    async def verify_current(self, password: str | None, user_id: UUID, context: RequestContext) -> None:
        """Return if *password* is that of the user who asks.

        Raises:
            CurrentPasswordRequired: There is none.
            InvalidCredentials, ProfileNotFound
            RateLimited, Unavailable: The password was not looked at.

        """
        if password is None:
            raise CurrentPasswordRequired
        profile = await self.profiles.get(user_id)
        await self.verify_credentials(password, profile, context.attempt(profile.email.key))

    async def verify_credentials(self, password: str, profile: Profile | None, attempt: Attempt) -> Profile:
        """Return *profile* if *password* is its user's and the user may log in.

        The same work whether the user is unknown, suspended or deleted, or the password wrong or
        impossible (OWASP Authentication Cheat Sheet, "Authentication Responses").

        Raises:
            InvalidCredentials
            RateLimited, Unavailable: The password was not looked at.

        """
        known = profile if profile and profile.may_log_in else None
        try:
            encoded = password_bytes(password, MOST_BYTES)
        except Invalid:
            known, encoded = None, DUMMY_PASSWORD
        async with self.throttle.attempt(attempt) as reservation:
            # A yes may be quicker: whoever lets us no more time than that would guess for nothing.
            hashed = known.hashed_password if known else None
            matches = await self.hasher.verify(encoded, hashed, reservation.count_as_wrong)
            if known is None or not matches:
                reservation.count_as_wrong()
                raise InvalidCredentials
            reservation.outcome = Outcome.RIGHT
        if self.hasher.is_outdated(known.hashed_password) and len(encoded) <= self.hasher.max_bytes:
            with suppress(Unavailable):  # the next login has time for it
                await self.profiles.replace_hash(known, await self.hasher.hash(encoded))
        return known


def _is_made_from(password: str, words: tuple[str, ...]) -> bool:
    """Return whether little is left of *password* without the *words* in it."""
    rest = folded = password.casefold()
    for word in words:
        rest = rest.replace(word.casefold(), "")
    return len(rest) < len(folded) and len(rest) <= _LITTLE


_LITTLE = 4
