"""Who asks. A bearer token names a human; the broker vouches for the calling service."""

from dataclasses import dataclass, field
from uuid import UUID

from service.app.auth.budgets import Attempt
from service.domain.errors import Unauthenticated
from service.domain.idempotency import IdempotencyKey
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
    session: UUID


@dataclass(frozen=True, slots=True)
class TrustedService:
    """Another service that may do this on its own account, by the name of its broker user."""

    name: str


Actor = Anonymous | User | TrustedService


@dataclass(frozen=True, slots=True)
class Caller:
    """Everything that is known of who sent a request.

    Attributes:
        service: The broker user, if RabbitMQ vouches for one.
        client_ip: Where the human is, if a trusted service says so.
        message_id: The name that the sender gave to the request.
        command: What tells it from others, if it is a command with a name.

    """

    actor: Actor
    service: str | None = None
    client_ip: str | None = None
    message_id: str | None = None
    command: IdempotencyKey | None = None

    def attempt(self, account: str, device: UUID | None = None) -> Attempt:
        """Return an attempt by this caller at the password of *account*, perhaps from a device of its user.

        Who has a session, or has logged in there before, is no stranger.
        """
        session = self.actor.session if isinstance(self.actor, User) else None
        known = f"device {device}" if device else f"session {session}" if session else None
        return Attempt(account, known, self.service, self.client_ip)
