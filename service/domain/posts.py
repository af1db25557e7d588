"""Posts: what users write, and what becomes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from service.domain.changes import Changes
from service.domain.commands import CommandId
from service.domain.errors import NotFound
from service.domain.events import Event, EventType


class PostStatus(StrEnum):
    """Where a post is in its life."""

    ACTIVE = "active"
    DELETED = "deleted"
    ERASED = "erased"


class PostNotFound(NotFound):
    """There is no such post."""

    field = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostChanges(Changes):
    """New values for some fields of a post; `None` leaves a field as it is."""

    title: str | None = field(default=None, repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a user wrote. Each change makes a new value with the next version.

    Attributes:
        id: The public name, a UUID of version 7.
        oid: The name in the database.
        user_id: The profile of the user whose post it is.
        deleted_with_owner: Whether it was deleted because its owner was, and comes back with the owner.
        version: 1 at first, and 1 more with each change that was applied.
        events: What happened since the post was loaded, to be stored with it.
        by: The command that it happened by, to be stored with it, too.

    """

    id: UUID
    oid: str
    user_id: UUID
    title: str = field(repr=False)
    body: str = field(repr=False)
    status: PostStatus = PostStatus.ACTIVE
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    deleted_with_owner: bool = False
    version: int = 1
    events: tuple[Event, ...] = field(default=(), compare=False, repr=False)
    by: CommandId | None = field(default=None, compare=False, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether it can be read."""
        return self.status is PostStatus.ACTIVE

    def announced(self) -> "Post":
        """Return this new post with the event that it was made."""
        return replace(self, events=(_event(self, EventType.POST_CREATED),))

    def changed(self, changes: PostChanges, now: datetime) -> "Post":
        """Return the post with *changes* applied, or itself if they change nothing.

        Raises:
            NothingToChange: No field was named.

        """
        if not (applied := changes.to(self)):
            return self
        return self._next(now, EventType.POST_UPDATED, applied)

    def deleted(self, now: datetime, *, with_owner: bool = False) -> "Post":
        """Return the post as deleted from *now* on, or itself if it is not active."""
        if not self.is_active:
            return self
        values = {"status": PostStatus.DELETED, "deleted_at": now, "deleted_with_owner": with_owner}
        return self._next(now, EventType.POST_DELETED, values)

    def restored(self, now: datetime) -> "Post":
        """Return the post as active again, or itself if it was not deleted with its owner."""
        if not self.deleted_with_owner:
            return self
        values = {"status": PostStatus.ACTIVE, "deleted_at": None, "deleted_with_owner": False}
        return self._next(now, EventType.POST_UPDATED, values)

    def erased(self, now: datetime) -> "Post":
        """Return the post without what its owner wrote, for good, or itself if it is so already."""
        if self.status is PostStatus.ERASED:
            return self
        values = {
            "title": "",
            "body": "",
            "status": PostStatus.ERASED,
            "deleted_at": self.deleted_at or now,
            "deleted_with_owner": False,
        }
        # A deleted one was told to be so already; now it has other fields.
        happened = EventType.POST_DELETED if self.is_active else EventType.POST_UPDATED
        return self._next(now, happened, values)

    def _next(self, now: datetime, happened: EventType, values: Mapping[str, Any]) -> "Post":
        """Return the next version with *values*, and with the event that others will be told."""
        after = replace(self, **values, updated_at=now, version=self.version + 1)
        return replace(after, events=(_event(after, happened, values),))


def _event(post: Post, happened: EventType, changed: Iterable[str] = ()) -> Event:
    return Event(
        type=happened,
        subject=post.id,
        version=post.version,
        time=post.updated_at,
        data={
            "id": post.id,
            "user_id": post.user_id,
            "version": post.version,
            "changed": sorted(set(changed) - {"deleted_at", "deleted_with_owner"}),
        },
    )
