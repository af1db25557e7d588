"""Where posts live."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from service.domain.commands import Handled
from service.domain.posts import Post


class Which(Enum):
    """Some of the posts of a user."""

    ALL = auto()
    ACTIVE = auto()
    DELETED_WITH_OWNER = auto()
    WITH_TEXT = auto()


class PostRepository(Protocol):
    """Where posts live. Every method may raise `Unavailable`.

    Only active posts are found, but for the methods that say so.
    """

    def next_oid(self) -> str:
        """Return a name in the database for a post that is about to be made."""

    async def add(self, post: Post) -> None:
        """Store a new post, or raise `AlreadyMade` if the same command has made one before."""

    async def get(self, post_id: UUID) -> Post:
        """Return a post, or raise `PostNotFound`."""

    async def save(self, post: Post) -> None:
        """Store a changed post over the version before it.

        Raises:
            StaleVersion: What is stored is not the version before it.

        """

    async def list(self, user_id: UUID | None, after: str | None, most: int) -> Sequence[Post]:
        """Return at most so many active posts, of one user or of all, the newest first.

        Those *after* a position, which is the id of a post. What stays in the list is met exactly once by
        whoever goes through it from one position to the next, whatever is added or goes away meanwhile.
        """

    async def of_user(self, user_id: UUID, which: Which, most: int = 0) -> Sequence[Post]:
        """Return some posts of a user, deleted ones too, the oldest first: at most so many, or all for 0."""

    async def save_many(self, posts: Sequence[Post]) -> None:
        """Store each of these posts over the version before it, but for those that others have changed."""

    async def find_made(self, message_id: str) -> Handled[Post] | None:
        """Return the post that the command of that name has made, as it was then."""

    async def find_handled(self, post_id: UUID, message_id: str) -> Handled[Post] | None:
        """Return what came of the command of that name for a post, be it deleted since; or `None`."""

    async def remember(self, post: Post) -> None:
        """Note the command that left this post as it was, or raise `StaleVersion`."""
