"""Read one post."""

from dataclasses import dataclass
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, authorize
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPost:
    """Read one post."""

    actor: Actor
    post_id: UUID


@dataclass(frozen=True, slots=True)
class GetPostHandler:
    """Answers `GetPost`."""

    posts: PostRepository

    async def handle(self, query: GetPost) -> Post:
        """Return the post; everybody may see it."""
        authorize(Action.SEE_POST, query.actor)
        return await self.posts.get(query.post_id)
