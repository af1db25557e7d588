"""Commands that come more than once: what they are about, as it is now (docs/adr/0015)."""

from typing import Protocol, TypeVar
from uuid import UUID

from service.app.auth.actors import User
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


async def find_own_last(
    profiles: ProfileRepository, context: RequestContext, user: User | None
) -> Profile | None:
    """Return the profile of *user*, who asks or has lost the session, if this very command was carried out.

    It has ended the session that they ask in. The reply may have been lost, or be on its way from another
    worker; what they hear else is that the session has ended.
    """
    key = context.idempotency_key
    if key is None or user is None:
        return None
    processed = await profiles.find_processed(user.id, key)
    if processed is None or not processed.is_of(key):
        return None
    key.on_repeat()
    return processed.aggregate
