"""Commands that come more than once: a broker delivers at least once, and callers ask again.

What is kept of a command is that it was carried out, and nothing of what was said in it or came of it: names
and texts would outlive their correction and erasure there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
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
class FormerKey:
    """The idempotency key as 0.1 stored it.

    Attributes:
        message_id: As the sender wrote it; whoever the sender was.
        digests: Makes keyed digests of who asked for what, with all defaults. They are seldom needed.

    """

    message_id: str
    digests: Callable[[], tuple[bytes, ...]] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What tells one command from another, however often it is delivered.

    Attributes:
        id: A keyed hash of who sent it under which `message_id`: 16 bytes.
        digest: A keyed digest of what was asked for, as it was sent: 16 bytes.
        former: The same as a former version stored it.
        others: The same by the other secrets that are in use, while one follows another.
        on_repeat: Is called when it turns out that this very command was carried out before.

    """

    id: bytes
    digest: bytes
    former: FormerKey | None = None
    others: tuple["IdempotencyKey", ...] = ()
    on_repeat: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def ids(self) -> tuple[bytes, ...]:
        """The id by each secret that is in use."""
        return (self.id, *(each.id for each in self.others))

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The digest by each secret that is in use, in the same order."""
        return (self.digest, *(each.digest for each in self.others))


@dataclass(frozen=True, slots=True)
class ProcessedCommand(Generic[Aggregate]):
    """A command that was carried out before.

    Attributes:
        digest: Of what was asked for.
        version: That of the aggregate after it.
        aggregate: As it is now, be it deleted.

    """

    digest: bytes
    version: int
    aggregate: Aggregate

    def is_of(self, key: IdempotencyKey) -> bool:
        """Return whether this is the very command of *key*, and not another one under its name."""
        if self.digest in key.digests:
            return True
        return key.former is not None and self.digest in key.former.digests()

    def ensure_is_of(self, key: IdempotencyKey) -> None:
        """Say that the command of *key* is this one, or raise `MessageIdReused` if it is another one."""
        if not self.is_of(key):
            raise MessageIdReused
        key.on_repeat()
