"""What the fake does with posts."""

import secrets
from typing import Any
from uuid import UUID

from pydantic import MISSING

from profile_contracts.events import POST_CREATED, POST_DELETED, POST_UPDATED, EventType
from profile_contracts.posts import (
    CreatePost,
    DeletedPost,
    DeletePost,
    GetPost,
    ListPosts,
    Post,
    PostPage,
    PostStatus,
    UpdatePost,
)
from profile_contracts.profiles import Role
from profile_contracts.testing.memory import Memory, RequestContext
from profile_contracts.testing.pages import page
from profile_contracts.testing.refusals import refused


def create(memory: Memory, request: CreatePost, context: RequestContext) -> Post:
    """Write a post of the user who asks."""
    user = context.require_user()
    return memory.once(
        context, None, lambda: _created(memory, request, user.id), lambda it: _found(memory, it.id)
    )


def get(memory: Memory, request: GetPost, _: RequestContext) -> Post:
    """Return a post."""
    return _found(memory, request.id)


def update(memory: Memory, request: UpdatePost, context: RequestContext) -> Post:
    """Change some fields of a post."""
    context.require_user()
    post = _found(memory, request.id)
    _require_author(post, context)
    return memory.once(
        context, request.id, lambda: _updated(memory, post, request), lambda it: _found(memory, it.id)
    )


def delete(memory: Memory, request: DeletePost, context: RequestContext) -> DeletedPost:
    """Delete a post; the same command again hears the same."""
    context.require_user()

    def deleted() -> DeletedPost:
        post = _found(memory, request.id)
        _require_author(post, context)
        _require_version(request.expected_version, post.version)
        after = _next(memory, post, {"status": PostStatus.DELETED})
        del memory.posts[post.id]
        _publish(memory, POST_DELETED, after, "status")
        return DeletedPost(id=after.id, status=PostStatus.DELETED, deleted_at=after.updated_at)

    return memory.once(context, request.id, deleted, lambda before: before)


def list_all(memory: Memory, request: ListPosts, _: RequestContext) -> PostPage:
    """Return a page of posts, the newest first."""
    found = [each for each in memory.posts.values() if request.user_id in (MISSING, each.user_id)]
    items, cursor = page(request, found, lambda each: str(each.id), descending=True)
    return PostPage(items=items, next_cursor=cursor)


def _created(memory: Memory, request: CreatePost, user_id: UUID) -> Post:
    now = memory.now()
    post = Post(
        id=memory.new_id(),
        oid=secrets.token_hex(12),
        user_id=user_id,
        title=request.title,
        body=request.body,
        status=PostStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        version=1,
    )
    memory.posts[post.id] = post
    _publish(memory, POST_CREATED, post)
    return post


def _updated(memory: Memory, post: Post, request: UpdatePost) -> Post:
    given = request.model_dump(exclude={"id", "expected_version"})
    if not given:
        raise refused("nothing_to_change")
    patch = {name: value for name, value in given.items() if getattr(post, name) != value}
    _require_version(request.expected_version, post.version)
    if not patch:
        return post
    after = memory.posts[post.id] = _next(memory, post, patch)
    _publish(memory, POST_UPDATED, after, *patch)
    return after


def _found(memory: Memory, post_id: UUID) -> Post:
    if post_id not in memory.posts:
        raise refused("post_not_found", field="id")
    return memory.posts[post_id]


def _require_author(post: Post, context: RequestContext) -> None:
    user = context.require_user()
    if user.id != post.user_id and user.role is not Role.ADMIN:
        raise refused("not_allowed")


def _require_version(expected: Any, version: int) -> None:  # noqa: ANN401 - an integer, or missing
    if expected not in (MISSING, version):
        raise refused("stale_version", field="expected_version")


def _next(memory: Memory, post: Post, patch: dict[str, Any]) -> Post:
    return post.model_copy(update={**patch, "version": post.version + 1, "updated_at": memory.now()})


def _publish(memory: Memory, event_type: EventType, post: Post, *changed: str) -> None:
    data = {"id": post.id, "user_id": post.user_id, "version": post.version, "changed": sorted(changed)}
    memory.publish(event_type, post.id, data)
