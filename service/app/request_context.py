"""What every command is given beside what it is about: who asks, from where, and how to know it again."""

from dataclasses import dataclass
from uuid import UUID

from service.app.auth.actors import Actor, User
from service.app.auth.budgets import Attempt
from service.domain.idempotency import IdempotencyKey
from service.domain.session import Origin


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Everything that is known of a request and of who sent it.

    Attributes:
        service: The broker user, if RabbitMQ has verified one.
        client_network: Where the human is, if a trusted service says so.
        idempotency_key: What tells it from others, if it is a command with a `message_id`.
        user_agent: What the human's program calls itself, if a trusted service says so.
        is_redelivered: Whether the broker delivers it again. What came of it before is not known.

    """

    actor: Actor
    service: str | None = None
    client_network: str | None = None
    idempotency_key: IdempotencyKey | None = None
    user_agent: str | None = None
    is_redelivered: bool = False

    @property
    def origin(self) -> Origin:
        """Where the human is, for a session that is opened."""
        return Origin(self.client_network, self.user_agent)

    def attempt(self, account: str, device: UUID | None = None) -> Attempt:
        """Return an attempt by the actor at the password of *account*, perhaps from a device of its user.

        Who has a session, or has logged in there before, is no stranger.
        """
        session = self.actor.session if isinstance(self.actor, User) else None
        known = f"device {device}" if device else f"session {session}" if session else None
        return Attempt(account, known, self.service, self.client_network)
