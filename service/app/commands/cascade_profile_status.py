"""Cascade the status of a profile to the posts of its user."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.domain.post import Post, PostRepository, PostSelection
from service.domain.profile import ProfileRepository, Status

# So many that a batch takes a fraction of a second.
_BATCH: Final = 200
# A fifth of a million posts. Without an end, posts that can't be saved would be tried for ever.
_MAX_BATCHES: Final = 1_000


class TooManyPosts(Unavailable):
    """There will be another try."""

    reason = "too_many_posts"
    message = "Not all posts of the user have followed yet."


@dataclass(frozen=True, slots=True)
class CascadeProfileStatus:
    """Bring the posts of a user into line with the profile."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class CascadeProfileStatusHandler:
    """Carries out `CascadeProfileStatus`: in batches, so that whoever is stopped midway has done part of it.

    It looks at the profile anew before each batch and after the last, so that it does not matter how
    often, in which order and by how many workers it is done.
    """

    profiles: ProfileRepository
    posts: PostRepository
    clock: Clock

    async def handle(self, command: CascadeProfileStatus) -> None:
        """Change posts until none is left to change.

        Raises:
            TooManyPosts: Others change them all the time, or there are very many; there will be another try.

        """
        for _ in range(_MAX_BATCHES):
            profile = await self.profiles.get_including_deleted(command.user_id)
            selection = _SELECTIONS.get(profile.status, PostSelection.DELETED_WITH_OWNER)
            batch = await self.posts.of_user(command.user_id, selection, _BATCH)
            if not batch:
                return
            now = self.clock.now()
            await self.posts.save_many([_cascaded(post, profile.status, now) for post in batch])
        raise TooManyPosts


# The posts that have to change because of what their owner is.
_SELECTIONS: Final = {Status.ERASED: PostSelection.NOT_ERASED, Status.DELETED: PostSelection.ACTIVE}


def _cascaded(post: Post, status: Status, now: datetime) -> Post:
    """Return *post* as it has to be when its owner has this *status*."""
    if status is Status.ERASED:
        return post.erased(now)
    if status is Status.DELETED:
        return post.deleted(now, with_owner=True)
    return post.restored(now)
