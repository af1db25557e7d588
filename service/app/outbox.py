"""Events on their way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Protocol
from uuid import UUID

from service.domain.events import Event


class Kind(Enum):
    """The kinds of thing that events happen to."""

    PROFILE = auto()
    POST = auto()
    SESSION = auto()


@dataclass(frozen=True, slots=True)
class Untold:
    """The events of one thing that nobody has been told of yet, in the order of their versions.

    Attributes:
        key: What the outbox calls the thing.
        unreadable: What can't be told by this version of the service, as an event or as the outbox has it: a
            newer version has stored it, or it is spoilt.
        is_all: Whether nothing else of the thing waits.

    """

    kind: Kind
    key: Any
    events: Sequence[Event]
    unreadable: Sequence[Event | Mapping[str, Any]] = ()
    is_all: bool = True


class Outbox(Protocol):
    """Where events wait. Every method may raise `Unavailable`."""

    async def waiting(self, since: datetime, limit: int) -> Sequence[tuple[Kind, UUID]]:
        """Return things some of whose events have waited at least *since* then: *limit* of each kind."""

    async def untold(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[Untold]:
        """Return the events that wait in some things of one kind."""

    async def told(self, told: Sequence[Untold]) -> None:
        """Forget events that the broker has taken."""

    async def hold(self, held: Sequence[Untold]) -> None:
        """Keep what is unreadable, and do not find it again before another version of the service asks."""
