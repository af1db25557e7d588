"""Write a post."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.permissions import Action, authorize, require_user
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.idempotency import find_created
from service.app.ids import new_id
from service.app.optimistic_update import WriteContention, authorized_write
from service.app.request_context import RequestContext
from service.domain.idempotency import AlreadyCreated
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePost:
    """Write a post; it belongs to the user who asks."""

    context: RequestContext
    title: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreatePostHandler:
    """Carries out `CreatePost`."""

    posts: PostRepository
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: CreatePost) -> Post:
        """Return the new post."""
        user, key = require_user(command.context.actor), command.context.idempotency_key
        authorize(Action.CREATE_POST, user, user.id)
        if created := await find_created(self.posts, key):
            return created
        now = self.clock.now()
        post = Post(
            id=new_id(now),
            oid=self.posts.next_oid(),
            user_id=user.id,
            title=command.title,
            body=command.body,
            created_at=now,
            updated_at=now,
            idempotency_key=key,
        )
        new = post.with_created_event()
        try:
            await authorized_write(self.session_guard, user, partial(self.posts.add, new))
        except AlreadyCreated:  # just now, by the same command on another worker
            if created := await find_created(self.posts, key):
                return created
            raise WriteContention from None
        return post
