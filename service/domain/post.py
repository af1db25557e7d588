"""Posts: what users write, what becomes of it, and where it lives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Any, Protocol
from uuid import UUID

from service.domain.errors import Conflict, NotFound
from service.domain.events import Event, EventType
from service.domain.idempotency import IdempotencyKey, ProcessedCommand
from service.domain.patch import Patch
from service.domain.profile import Profile


class PostStatus(StrEnum):
    """Where a post is in its life."""

    ACTIVE = "active"
    DELETED = "deleted"
    ERASED = "erased"


class PostNotFound(NotFound):
    """It was never there, or is deleted."""

    reason = "post_not_found"
    message = "There is no such post."
    field = "id"


class PostNotDeleted(Conflict):
    """Only what is deleted, and not erased, can be restored."""

    reason = "post_not_deleted"
    message = "This post is not deleted, or has been erased since."


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPatch(Patch):
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
        idempotency_key: That of the command that it happened by, to be stored with it, too.
        processed_commands: How many commands with such a key it has seen.

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
    idempotency_key: IdempotencyKey | None = field(default=None, compare=False, repr=False)
    processed_commands: int = field(default=0, compare=False, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether it can be read."""
        return self.status is PostStatus.ACTIVE

    def with_created_event(self) -> "Post":
        """Return this new post with the event that it was created."""
        return replace(self, events=(_event(self, EventType.POST_CREATED),))

    def updated(self, patch: PostPatch, now: datetime) -> "Post":
        """Return the post with *patch* applied, or itself if they change nothing.

        Raises:
            NothingToChange: No field was named.

        """
        if not (applied := patch.diff(self)):
            return self
        return self._next(now, EventType.POST_UPDATED, applied)

    def deleted(self, now: datetime, *, with_owner: bool = False) -> "Post":
        """Return the post as deleted from *now* on, or itself if it is not active."""
        if not self.is_active:
            return self
        values = {"status": PostStatus.DELETED, "deleted_at": now, "deleted_with_owner": with_owner}
        return self._next(now, EventType.POST_DELETED, values)

    def restored(self, now: datetime) -> "Post":
        """Return the post as active again, or itself if it is not deleted."""
        if self.status is not PostStatus.DELETED:
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
        # That a deleted one is deleted was published already; now it has other fields.
        happened = EventType.POST_DELETED if self.is_active else EventType.POST_UPDATED
        return self._next(now, happened, values)

    def _next(self, now: datetime, happened: EventType, values: Mapping[str, Any]) -> "Post":
        """Return the next version with *values*, and with the event that will be published."""
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


def text_size(post: Post) -> int:
    """Return how many bytes of text *post* has: it may have many."""
    return len(post.title.encode()) + len(post.body.encode())


class PostSelection(Enum):
    """Which posts of a user."""

    ALL = auto()
    ACTIVE = auto()
    DELETED_WITH_OWNER = auto()
    NOT_ERASED = auto()


class PostRepository(Protocol):
    """Where posts live. Every method may raise `Unavailable`.

    Only active posts are found, but for the methods that say so.
    """

    def next_oid(self) -> str:
        """Return a name in the database for a post that is about to be made."""

    async def add(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        """Store a new post.

        Raises:
            AlreadyCreated: The same command has created one before.
            AuthorizationChanged: What was *authorized_by*, that of whoever asks, may not hold any more.

        """

    async def get(self, post_id: UUID) -> Post:
        """Return a post, or raise `PostNotFound`."""

    async def get_including_deleted(self, post_id: UUID) -> Post:
        """Return a post whether it is deleted, erased or neither, or raise `PostNotFound`."""

    async def deleted_before(self, moment: datetime, limit: int, *, skip: int = 0) -> Sequence[Post]:
        """Return at most so many posts that were deleted by themselves, the longest deleted first.

        Those that were erased are not among them, nor those that went with their owner. The first ones may
        be skipped.
        """

    async def save(self, post: Post, *, authorized_by: Profile | None = None) -> None:
        """Store a changed post over the version before it.

        Raises:
            StaleVersion: What is stored is not the version before it.
            AuthorizationChanged: What was *authorized_by*, that of whoever asks, may not hold any more.

        """

    async def list(self, user_id: UUID | None, after: str | None, limit: int) -> Sequence[Post]:
        """Return at most so many active posts, of one user or of all, the newest first.

        Those *after* a position, which is the id of a post. What stays in the list is met exactly once by
        whoever goes through it from one position to the next, whatever is added or goes away meanwhile.
        """

    async def of_user(
        self, user_id: UUID, selection: PostSelection, limit: int = 0, *, after: str | None = None
    ) -> Sequence[Post]:
        """Return some posts of a user, deleted ones too, the oldest first: at most so many, or all for 0.

        Those *after* a position, which is the id of a post.
        """

    async def save_many(self, posts: Sequence[Post]) -> None:
        """Store each of these posts over the version before it, but for those that others have changed."""

    async def find_created_by(self, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        """Return the command that has the name of *key*, if it created a post, be it deleted since."""

    async def find_processed(self, post_id: UUID, key: IdempotencyKey) -> ProcessedCommand[Post] | None:
        """Return the command that has the name of *key*, if a post has seen it, be it deleted since."""

    async def record_processed(self, post: Post) -> None:
        """Record the command that left this post as it was, or raise `StaleVersion`."""
