"""Delete a post."""

from dataclasses import dataclass
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, require, require_known
from service.app.clock import Clock
from service.app.commands.saving import Change, change_post
from service.domain.idempotency import IdempotencyKey
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePost:
    """Delete a post."""

    actor: Actor
    post_id: UUID
    expected_version: int | None = None
    named: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class DeletePostHandler:
    """Carries out `DeletePost`."""

    posts: PostRepository
    clock: Clock

    async def handle(self, command: DeletePost) -> Post:
        """Return the post as it was deleted."""
        require_known(command.actor)
        change: Change[Post] = Change(
            may=lambda post: require(Action.DELETE_POST, command.actor, post.user_id),
            decide=lambda post: post.deleted(self.clock.now()),
            expected_version=command.expected_version,
            command=command.named,
        )
        return await change_post(self.posts, command.post_id, change)
