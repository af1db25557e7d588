"""Read many posts, page by page."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, authorize
from service.app.paging import Cursors, Page, PageRequest, canonical_query, read_page
from service.domain.post import Post, PostRepository, text_size


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPosts:
    """Read a page of the posts of a user, or of all users."""

    actor: Actor
    page_request: PageRequest
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListPostsHandler:
    """Answers `ListPosts`."""

    posts: PostRepository
    cursors: Cursors

    async def handle(self, query: ListPosts) -> Page[Post]:
        """Return a page, the newest post first; everybody may see it. It ends early if its posts are long."""
        authorize(Action.SEE_POST, query.actor)
        user = str(query.user_id) if query.user_id else None
        read = partial(self.posts.list, query.user_id)
        described_query = canonical_query("post.list", user_id=user)
        return await read_page(
            self.cursors, described_query, query.page_request, read, lambda post: str(post.id), size=text_size
        )
