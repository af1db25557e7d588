"""Bring a deleted post back. For operators: nobody can ask for it over the broker."""

from dataclasses import dataclass
from uuid import UUID

from service.app.clock import Clock
from service.domain.errors import AuthorizationChanged, StaleVersion
from service.domain.post import Post, PostNotDeleted, PostRepository
from service.domain.profile import ProfileRepository


@dataclass(frozen=True, slots=True)
class RestorePost:
    """Bring a deleted post back, if its owner is there."""

    post_id: UUID


@dataclass(frozen=True, slots=True)
class RestorePostHandler:
    """Carries out `RestorePost`."""

    profiles: ProfileRepository
    posts: PostRepository
    clock: Clock

    async def handle(self, command: RestorePost) -> Post:
        """Return the post as it was restored.

        Raises:
            PostNotFound
            PostNotDeleted
            ProfileNotFound: Its owner is deleted, and has to be restored first.
            StaleVersion: Somebody else has just restored or erased it, or something became of its owner.

        """
        deleted = await self.posts.get_including_deleted(command.post_id)
        restored = deleted.restored(self.clock.now())
        if restored is deleted:
            raise PostNotDeleted
        owner = await self.profiles.get(deleted.user_id)
        try:
            await self.posts.save(restored, authorized_by=owner)  # whom somebody may have deleted since
        except AuthorizationChanged as error:
            raise StaleVersion from error
        return restored
