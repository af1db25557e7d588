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
        self.makers: dict[str, ProcessedCommand[Aggregate]] = {}
        self.of_things: dict[UUID, list[ProcessedCommand[Aggregate]]] = {}

    def refuse_made(self, command: IdempotencyKey | None) -> None:
        """Raise `AlreadyCreated` if *command* has made a thing."""
        if command and command.message_id in self.makers:
            raise AlreadyCreated

    def refuse_seen(self, thing_id: UUID, command: IdempotencyKey | None) -> None:
        """Raise `StaleVersion` if a thing has seen *command*."""
        if command and self.find(thing_id, command.message_id):
            raise StaleVersion

    def forget(self, thing_id: UUID) -> None:
        """Forget what came of commands of a thing."""
        self.of_things.pop(thing_id, None)
        self.makers = {name: each for name, each in self.makers.items() if each.result.id != thing_id}

    def made(self, command: IdempotencyKey | None, thing: Aggregate) -> None:
        """Note that *command* made a thing."""
        if command:
            self.makers[command.message_id] = ProcessedCommand(command, thing)

    def changed(self, thing_id: UUID, command: IdempotencyKey | None, thing: Aggregate) -> None:
        """Note what *command* did to a thing."""
        if command is None:
            return
        known = self.of_things.setdefault(thing_id, [])
        known.append(ProcessedCommand(command, thing))
        del known[:-HISTORY_SIZE]

    def find(self, thing_id: UUID, message_id: str) -> ProcessedCommand[Aggregate] | None:
        """Return what came of a command."""
        known = self.of_things.get(thing_id, [])
        return next((each for each in known if each.key.message_id == message_id), None)
