"""Events on their way out."""

from collections.abc import Sequence
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

    """

    kind: Kind
    key: Any
    events: Sequence[Event]

    @property
    def version(self) -> int:
        """The version that the last of them happened at."""
        return self.events[-1].version


class Outbox(Protocol):
    """Where events wait. Every method may raise `Unavailable`."""

    async def waiting(self, since: datetime, most: int) -> Sequence[tuple[Kind, UUID]]:
        """Return things some of whose events have waited at least *since* then: *most* of each kind."""

    async def untold(self, kind: Kind, subjects: Sequence[UUID]) -> Sequence[Untold]:
        """Return the events that wait in some things of one kind."""

    async def told(self, told: Sequence[Untold]) -> None:
        """Forget events that the broker has taken."""
