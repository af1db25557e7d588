"""Let the posts of a user follow what has happened to the profile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.domain.post import Post, PostRepository, PostSelection
from service.domain.profile import ProfileRepository, Status

# So many that a batch takes a fraction of a second.
_BATCH: Final = 200
# A fifth of a million posts. Without an end, posts that can't be saved would be tried for ever.
_MOST_BATCHES: Final = 1_000


class TooManyPosts(Unavailable):
    """There will be another try."""

    reason = "too_many_posts"
    message = "Not all posts of the user have followed yet."


@dataclass(frozen=True, slots=True)
class FollowOwner:
    """Bring the posts of a user into line with the profile."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class FollowOwnerHandler:
    """Carries out `FollowOwner`: in batches, so that whoever is stopped midway has done part of it.

    It looks at the profile anew before each batch and after the last, so that it does not matter how
    often, in which order and by how many workers it is done.
    """

    profiles: ProfileRepository
    posts: PostRepository
    clock: Clock

    async def handle(self, command: FollowOwner) -> None:
        """Change posts until none is left to change.

        Raises:
            TooManyPosts: Others change them all the time, or there are very many; there will be another try.

        """
        for _ in range(_MOST_BATCHES):
            profile = await self.profiles.get_including_deleted(command.user_id)
            selection, change = self._todo(profile.status)
            batch = await self.posts.of_user(command.user_id, selection, _BATCH)
            if not batch:
                return
            await self.posts.save_many([change(post) for post in batch])
        raise TooManyPosts

    def _todo(self, status: Status) -> tuple[PostSelection, Callable[[Post], Post]]:
        now = self.clock.now()
        if status is Status.ERASED:
            return PostSelection.NOT_ERASED, lambda post: post.erased(now)
        if status is Status.DELETED:
            return PostSelection.ACTIVE, lambda post: post.deleted(now, with_owner=True)
        return PostSelection.DELETED_WITH_OWNER, lambda post: post.restored(now)
