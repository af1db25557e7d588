"""Hashing passwords: the port, and the refusals around it."""

from typing import Protocol

from service.domain.errors import Invalid, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong."""


class CurrentPasswordRequired(Invalid):
    """Changing your e-mail address needs your current password."""

    field = "current_password"


class PasswordHasher(Protocol):
    """Turns passwords into hashes, slowly and off the event loop. May raise `Unavailable`."""

    async def hash(self, password: bytes) -> str:
        """Return a salted hash of *password*."""

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        """Return whether *hashed* was made from *password*.

        With `None`, for a user who cannot log in, does the same work and returns False.
        """
