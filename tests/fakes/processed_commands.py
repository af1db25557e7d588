"""The commands that things in memory have seen."""

from collections.abc import Callable
from typing import Generic, TypeVar
from uuid import UUID

from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, IdempotencyKey, ProcessedCommand
from service.domain.post import Post
from service.domain.profile import Profile

Aggregate = TypeVar("Aggregate", Profile, Post)

HISTORY_SIZE = 64
Record = tuple[IdempotencyKey, int]
Ids = frozenset[bytes]


class FakeProcessedCommands(Generic[Aggregate]):
    """Remembers all commands that made a thing, and the last 64 of each thing; *current* finds one."""

    def __init__(self, current: Callable[[UUID], Aggregate]) -> None:
        self._current: Callable[[UUID], Aggregate] = current
        self._created: dict[bytes, tuple[Record, UUID]] = {}
        self._by_aggregate: dict[UUID, list[tuple[Ids, Record]]] = {}

    def refuse_created(self, aggregate: Aggregate) -> None:
        """Raise `AlreadyCreated` if its command has made a thing."""
        key = aggregate.idempotency_key
        if key and not self._created.keys().isdisjoint(key.ids):
            raise AlreadyCreated

    def refuse_processed(self, aggregate: Aggregate) -> None:
        """Raise `StaleVersion` if a thing has seen its command, or any since it was loaded."""
        seen = self._current(aggregate.id).processed_commands
        key = aggregate.idempotency_key
        if key and (self.find(aggregate.id, key) or seen != aggregate.processed_commands):
            raise StaleVersion

    def forget(self, aggregate_id: UUID) -> None:
        """Forget the commands that a thing has seen."""
        self._by_aggregate.pop(aggregate_id, None)

    def record_created(self, aggregate: Aggregate) -> None:
        """Note which command made a thing."""
        if key := aggregate.idempotency_key:
            self._created |= dict.fromkeys(key.ids, ((key, aggregate.version), aggregate.id))

    def record(self, aggregate: Aggregate) -> int:
        """Note which command a thing has seen; return how many there are now."""
        if (key := aggregate.idempotency_key) is None:
            return aggregate.processed_commands
        known = self._by_aggregate.setdefault(aggregate.id, [])
        known.append((frozenset(key.ids), (key, aggregate.version)))
        del known[:-HISTORY_SIZE]
        return aggregate.processed_commands + 1

    def find_creator(self, key: IdempotencyKey) -> ProcessedCommand[Aggregate] | None:
        """Return the command of that name that made a thing."""
        known = [each for each in key.ids if each in self._created]
        if not known:
            return None
        (created, version), aggregate_id = self._created[known[0]]
        return ProcessedCommand(created.digest, version, self._current(aggregate_id))

    def find(self, aggregate_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Aggregate] | None:
        """Return the command of that name that a thing has seen."""
        ids = key.ids
        for known, (command, version) in self._by_aggregate.get(aggregate_id, []):
            if not known.isdisjoint(ids):
                return ProcessedCommand(command.digest, version, self._current(aggregate_id))
        return None
