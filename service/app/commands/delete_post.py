"""Delete a post."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.app.auth.permissions import Action, authorize, require_authenticated
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.optimistic_update import update_post
from service.app.request_context import RequestContext
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePost:
    """Delete a post."""

    context: RequestContext
    post_id: UUID
    expected_version: int | None = None

    def authorize(self, post: Post) -> None:
        """Raise unless whoever asks may delete *post*."""
        authorize(Action.DELETE_POST, self.context.actor, post.user_id)

    def apply(self, post: Post, now: datetime) -> Post:
        """Return *post* as deleted."""
        return post.deleted(now)


@dataclass(frozen=True, slots=True)
class DeletePostHandler:
    """Carries out `DeletePost`."""

    posts: PostRepository
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: DeletePost) -> Post:
        """Return the post as it was deleted."""
        require_authenticated(command.context.actor)
        return await update_post(self.posts, self.session_guard, self.clock, command.post_id, command)
