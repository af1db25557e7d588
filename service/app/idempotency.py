"""Commands that come more than once: what came of them the first time (design, part 5)."""

from typing import Protocol, TypeVar
from uuid import UUID

from service.domain.idempotency import IdempotencyKey, ProcessedCommand

Aggregate = TypeVar("Aggregate")


class CreatedAggregates(Protocol[Aggregate]):
    """A repository that knows which command created what."""

    async def find_created_by(self, message_id: str, /) -> ProcessedCommand[Aggregate] | None:
        """Return what the command with this `message_id` created."""


class ProcessedCommands(Protocol[Aggregate]):
    """A repository that knows which commands an aggregate has seen."""

    async def find_processed(
        self, aggregate_id: UUID, message_id: str, /
    ) -> ProcessedCommand[Aggregate] | None:
        """Return what the command with this `message_id` did to an aggregate."""


async def find_created(
    repository: CreatedAggregates[Aggregate], key: IdempotencyKey | None
) -> Aggregate | None:
    """Return what the command with *key* created, if it was carried out before.

    Raises:
        MessageIdReused: That was another command.

    """
    if key is None or (processed := await repository.find_created_by(key.message_id)) is None:
        return None
    return processed.result_for(key)


async def find_processed(
    repository: ProcessedCommands[Aggregate], aggregate_id: UUID, key: IdempotencyKey | None
) -> ProcessedCommand[Aggregate] | None:
    """Return what a command with the `message_id` of *key* did to an aggregate before, or `None`."""
    return await repository.find_processed(aggregate_id, key.message_id) if key else None
