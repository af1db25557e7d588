"""The transactional outbox: events that are stored with what they are about, until they are published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

from service.domain.events import Event


class Kind(Enum):
    """The kinds of aggregate that events are about."""

    PROFILE = auto()
    POST = auto()
    SESSION = auto()


@dataclass(frozen=True, slots=True)
class PendingEvents:
    """The events of one aggregate that are not published yet, in the order of their versions.

    Attributes:
        subject: The id of the aggregate.
        unreadable: What this version of the service can't publish, as an event or as the outbox has it: a
            newer version has stored it, or it is corrupt.
        is_all: Whether nothing else of the aggregate is pending.

    """

    kind: Kind
    subject: UUID
    events: Sequence[Event]
    unreadable: Sequence[Event | Mapping[str, Any]] = ()
    is_all: bool = True


class Outbox(Protocol):
    """Where events are pending. Every method may raise `Unavailable`."""

    async def find_stale(self, since: datetime, limit: int) -> Sequence[tuple[Kind, UUID]]:
        """Return aggregates with events that were pending at *since* already: *limit* of each kind."""

    async def load_pending(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[PendingEvents]:
        """Return the events that are pending in some aggregates of one kind."""

    async def mark_published(self, published: Sequence[PendingEvents]) -> None:
        """Forget events that the broker has taken."""

    async def hold(self, held: Sequence[PendingEvents]) -> None:
        """Keep what is unreadable, and do not find it again before another version of the service asks."""
