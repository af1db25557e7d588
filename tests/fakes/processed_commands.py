"""The commands that things in memory have seen."""

from typing import Generic, TypeVar
from uuid import UUID

from service.domain.errors import StaleVersion
from service.domain.idempotency import AlreadyCreated, IdempotencyKey, ProcessedCommand
from service.domain.post import Post
from service.domain.profile import Profile

Aggregate = TypeVar("Aggregate", Profile, Post)

HISTORY_SIZE = 64


class FakeProcessedCommands(Generic[Aggregate]):
    """Remembers what came of commands: of all that made a thing, and of the last 64 of each thing."""

    def __init__(self) -> None:
        self.by_message_id: dict[str, ProcessedCommand[Aggregate]] = {}
        self.by_aggregate: dict[UUID, list[ProcessedCommand[Aggregate]]] = {}

    def refuse_created(self, command: IdempotencyKey | None) -> None:
        """Raise `AlreadyCreated` if *command* has made a thing."""
        if command and command.message_id in self.by_message_id:
            raise AlreadyCreated

    def refuse_processed(self, aggregate_id: UUID, command: IdempotencyKey | None) -> None:
        """Raise `StaleVersion` if a thing has seen *command*."""
        if command and self.find(aggregate_id, command.message_id):
            raise StaleVersion

    def forget(self, aggregate_id: UUID) -> None:
        """Forget what came of commands of a thing."""
        self.by_aggregate.pop(aggregate_id, None)
        self.by_message_id = {
            name: each for name, each in self.by_message_id.items() if each.result.id != aggregate_id
        }

    def record_created(self, command: IdempotencyKey | None, aggregate: Aggregate) -> None:
        """Note that *command* made a thing."""
        if command:
            self.by_message_id[command.message_id] = ProcessedCommand(command, aggregate)

    def record(self, aggregate_id: UUID, command: IdempotencyKey | None, aggregate: Aggregate) -> None:
        """Note what *command* did to a thing."""
        if command is None:
            return
        known = self.by_aggregate.setdefault(aggregate_id, [])
        known.append(ProcessedCommand(command, aggregate))
        del known[:-HISTORY_SIZE]

    def find(self, aggregate_id: UUID, message_id: str) -> ProcessedCommand[Aggregate] | None:
        """Return what came of a command."""
        known = self.by_aggregate.get(aggregate_id, [])
        return next((each for each in known if each.key.message_id == message_id), None)
