"""Write a post."""

from dataclasses import dataclass, field

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, require, require_user
from service.app.clock import Clock
from service.app.commands.saving import made_once
from service.app.ids import new_id
from service.domain.idempotency import AlreadyCreated, IdempotencyKey
from service.domain.post import Post, PostRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePost:
    """Write a post; it belongs to the actor."""

    actor: Actor
    title: str = field(repr=False)
    body: str = field(repr=False)
    named: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class CreatePostHandler:
    """Carries out `CreatePost`."""

    posts: PostRepository
    clock: Clock

    async def handle(self, command: CreatePost) -> Post:
        """Return the new post."""
        user = require_user(command.actor)
        require(Action.CREATE_POST, user, user.id)
        if made := await made_once(self.posts.find_created_by, command.named):
            return made
        now = self.clock.now()
        post = Post(
            id=new_id(now),
            oid=self.posts.next_oid(),
            user_id=user.id,
            title=command.title,
            body=command.body,
            created_at=now,
            updated_at=now,
            idempotency_key=command.named,
        )
        try:
            await self.posts.add(post.with_created_event())
        except AlreadyCreated:  # just now, by the same command on another worker
            return await made_once(self.posts.find_created_by, command.named) or post
        return post
