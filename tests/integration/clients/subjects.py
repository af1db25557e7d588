"""What the suite is about: a client on a real worker, and the fake that stands for both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from pydantic import SecretStr

from profile_contracts.auth import LogIn, Tokens
from profile_contracts.profile_api import ProfileApi
from profile_contracts.profiles import CreateProfile, Profile
from profile_contracts.verifier import AccessClaims
from tests.builders import an_address

PASSWORD = SecretStr("correct horse battery")


@dataclass(frozen=True, slots=True)
class Person:
    """A user who has logged in."""

    profile: Profile
    tokens: Tokens

    @property
    def id(self) -> UUID:
        return self.profile.id

    @property
    def email(self) -> str:
        return self.profile.email

    @property
    def token(self) -> str:
        return self.tokens.access_token


class Verifier(Protocol):
    """Verifies access tokens."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def verify(self, token: str, /) -> AccessClaims: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A client, or what stands for it.

    Attributes:
        api: That.
        trusted: The same for a gateway that may ask for `auth.start_reset` on its own account.
        verifier: Makes what verifies access tokens beside it.
        create_admin: Signs an administrator up, as no client without rights can.

    """

    api: ProfileApi
    trusted: ProfileApi
    verifier: Callable[[], Verifier]
    create_admin: Callable[[CreateProfile], Awaitable[Profile]]

    async def person(self) -> Person:
        """Return a new user."""
        return await self._logged_in(await self.api.create_profile(a_sign_up()))

    async def admin(self) -> Person:
        """Return a new administrator."""
        return await self._logged_in(await self.create_admin(a_sign_up()))

    async def _logged_in(self, profile: Profile) -> Person:
        return Person(profile, await self.api.log_in(LogIn(email=profile.email, password=PASSWORD)))


def a_sign_up(**changes: object) -> CreateProfile:
    """Return a request to sign up, with *changes*."""
    usual = {"first_name": "Ada", "last_name": "Lovelace", "email": an_address(), "password": PASSWORD}
    return CreateProfile.model_validate({**usual, **changes})
