"""Consumers that only say what they are told to do."""

from collections.abc import Collection
from dataclasses import dataclass, field

from service.infrastructure.inputports.amqp.stages.circuit_breaker import CircuitBreaker, Consumers
from service.infrastructure.mongo.errors import DatabaseUnavailable


@dataclass(slots=True)
class FakeConsumers(Consumers):
    """Keeps what is paused.

    Attributes:
        paused: The queues that rest now.
        down: Set it to let the broker be away.

    """

    paused: set[str] = field(default_factory=set)
    down: Exception | None = None

    async def pause(self, queues: Collection[str]) -> None:
        if self.down:
            raise self.down
        self.paused = set(queues)


def closed_circuit() -> CircuitBreaker:
    """Return a circuit breaker that stays closed: the database is always there."""

    async def is_there() -> bool:
        return True

    return CircuitBreaker(DatabaseUnavailable, is_there, FakeConsumers(), ())
