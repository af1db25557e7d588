"""Remove what a post says, for good. For operators, and for the worker once its time is over."""

from dataclasses import dataclass
from uuid import UUID

from service.app.clock import Clock
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True)
class ErasePost:
    """Remove what a post says, whether it is deleted or not."""

    post_id: UUID


@dataclass(frozen=True, slots=True)
class ErasePostHandler:
    """Carries out `ErasePost`."""

    posts: PostRepository
    clock: Clock

    async def handle(self, command: ErasePost) -> Post:
        """Return what is left of the post.

        Raises:
            PostNotFound
            StaleVersion: Somebody else has just changed it.

        """
        return await self.erase(await self.posts.get_including_deleted(command.post_id))

    async def erase(self, before: Post) -> Post:
        """Scrub a post, if it is still as it was *before*, or raise `StaleVersion`; return what is left."""
        after = before.erased(self.clock.now())
        if after is not before:
            await self.posts.save(after)
        return after
