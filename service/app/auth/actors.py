"""Who asks. A bearer token names a human; the broker verifies the calling service."""

from dataclasses import dataclass, field
from uuid import UUID

from service.domain.errors import Unauthenticated
from service.domain.profile import Role


class MissingToken(Unauthenticated):
    """An operation that needs a known actor came without a token."""

    reason = "missing_token"
    message = "This needs an access token."


class TokenInvalid(Unauthenticated):
    """The token was not issued by us, or not for us."""

    reason = "token_invalid"
    message = "The access token is not valid."


class TokenExpired(Unauthenticated):
    """The token is ours and its time is over."""

    reason = "token_expired"
    message = "The access token has expired."


@dataclass(frozen=True, slots=True)
class User:
    """A human, by an access token that this service issued.

    Attributes:
        with_code: Whether the token says that a code of a second factor was shown.
        lacks_code: Whether one is needed, and neither the token nor the session knows of any.

    """

    id: UUID
    role: Role
    session: UUID
    with_code: bool = False
    lacks_code: bool = False


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular.

    Attributes:
        auth_error: What to answer where somebody is needed.
        former_user: Whose token came, if it is good and only its session has ended.

    """

    auth_error: Unauthenticated = field(default_factory=MissingToken, compare=False)
    former_user: User | None = None


@dataclass(frozen=True, slots=True)
class TrustedService:
    """Another service that may do this on its own account, by the name of its broker user."""

    name: str


Actor = Anonymous | User | TrustedService


def former_user(actor: Actor) -> User | None:
    """Return whose session has ended, if *actor* came with a good token of it."""
    return actor.former_user if isinstance(actor, Anonymous) else None
