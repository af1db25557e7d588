"""Commands that come more than once: what they are about, as it is now (docs/adr/0015)."""

from typing import Protocol, TypeVar
from uuid import UUID

from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.post import Post
from service.domain.profile import Profile, ProfileRepository

Aggregate = TypeVar("Aggregate", Profile, Post)


class CommandHistory(Protocol[Aggregate]):
    """A repository that knows which commands its aggregates have seen."""

    async def get(self, aggregate_id: UUID, /) -> Aggregate:
        """Return an aggregate."""

    async def find_created_by(self, key: IdempotencyKey, /) -> ProcessedCommand[Aggregate] | None:
        """Return the command that has the name of *key*, if it created an aggregate."""

    async def find_processed(
        self, aggregate_id: UUID, key: IdempotencyKey, /
    ) -> ProcessedCommand[Aggregate] | None:
        """Return the command that has the name of *key*, if an aggregate has seen it."""


async def find_created(history: CommandHistory[Aggregate], key: IdempotencyKey | None) -> Aggregate | None:
    """Return what the command with *key* created, as it is now, if it was carried out before.

    Raises:
        MessageIdReused: That was another command.
        NotFound: It is gone.

    """
    if key is None or (processed := await history.find_created_by(key)) is None:
        return None
    processed.ensure_is_of(key)
    return await history.get(processed.aggregate.id)


async def find_processed_profile(
    profiles: ProfileRepository, profile_id: UUID, context: RequestContext
) -> Profile | None:
    """Return the profile, if this very command was carried out on it before.

    That may have ended the session or the token that came with it. The reply may have been lost, or be on
    its way from another worker; without this, whoever asks again would be refused.
    """
    key = context.idempotency_key
    processed = await profiles.find_processed(profile_id, key) if key else None
    if key is None or processed is None or not processed.is_of(key):
        return None
    key.on_repeat()
    return processed.aggregate
