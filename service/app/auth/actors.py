"""Who asks. A bearer token names a human; the broker vouches for the calling service."""

from dataclasses import dataclass, field
from uuid import UUID

from service.domain.errors import Unauthenticated
from service.domain.profiles import Role


class MissingToken(Unauthenticated):
    """This needs an access token."""


class TokenInvalid(Unauthenticated):
    """The access token is not valid."""


class TokenExpired(Unauthenticated):
    """The access token has expired."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular.

    Attributes:
        why: What to answer where somebody is needed.

    """

    why: Unauthenticated = field(default_factory=MissingToken, compare=False)


@dataclass(frozen=True, slots=True)
class User:
    """A human, by an access token that this service issued."""

    id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class TrustedService:
    """Another service that may do this on its own account, by the name of its broker user."""

    name: str


Actor = Anonymous | User | TrustedService
