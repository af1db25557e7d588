"""Commands that come more than once: a broker delivers at least once, and callers ask again."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from service.domain.errors import Conflict

Aggregate = TypeVar("Aggregate")


class MessageIdReused(Conflict):
    """The idempotency key belongs to a command with another digest."""

    reason = "message_id_reused"
    message = "Another command was sent with this message id before."


class AlreadyCreated(Exception):
    """The same command has created an aggregate before."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What tells one command from another, however often it is delivered.

    Attributes:
        message_id: What the sender called it: the AMQP property of that name.
        digest: A keyed digest of who asked for what.
        former_digests: The same, as they were stored by former versions.

    """

    message_id: str
    digest: bytes
    former_digests: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessedCommand(Generic[Aggregate]):
    """A command that was carried out before, and the aggregate as it was after that."""

    key: IdempotencyKey
    result: Aggregate

    def result_for(self, key: IdempotencyKey) -> Aggregate:
        """Return the result for *key*, or raise `MessageIdReused` if it is that of another command."""
        if self.key.digest not in (key.digest, *key.former_digests):
            raise MessageIdReused
        return self.result
