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
from profile_contracts.testing.memory import Memory
from profile_contracts.testing.pages import page
from profile_contracts.testing.records import PostRecord
from profile_contracts.testing.refusals import refused, require_version
from profile_contracts.testing.request_context import RequestContext


def create(memory: Memory, request: CreatePost, context: RequestContext) -> Post:
    """Write a post of the user who asks."""
    user = context.require_user()
    return memory.once(
        context, None, lambda: _created(memory, request, user.id), lambda it: _found(memory, it.id).post
    )


def get(memory: Memory, request: GetPost, _: RequestContext) -> Post:
    """Return a post."""
    return _found(memory, request.id).post


def update(memory: Memory, request: UpdatePost, context: RequestContext) -> Post:
    """Change some fields of a post."""
    context.require_user()
    record = _found(memory, request.id)
    context.require_owner(record.post.user_id)
    return memory.once(
        context, request.id, lambda: _updated(memory, record, request), lambda it: _found(memory, it.id).post
    )


def delete(memory: Memory, request: DeletePost, context: RequestContext) -> DeletedPost:
    """Delete a post; the same command again gets the same."""
    context.require_user()

    def deleted() -> DeletedPost:
        record = _found(memory, request.id)
        context.require_owner(record.post.user_id)
        require_version(request.expected_version, record.post.version)
        after = _save(memory, record, {"status": PostStatus.DELETED}, POST_DELETED)
        return DeletedPost(id=after.id, status=PostStatus.DELETED, deleted_at=after.updated_at)

    return memory.once(context, request.id, deleted, lambda before: before)


def list_all(memory: Memory, request: ListPosts, _: RequestContext) -> PostPage:
    """Return a page of posts, the newest first."""
    found = [
        each.post
        for each in memory.posts.values()
        if each.is_active and request.user_id in (MISSING, each.post.user_id)
    ]
    items, cursor = page(request, found, lambda each: str(each.id), descending=True)
    return PostPage(items=items, next_cursor=cursor)


def of_user(memory: Memory, user_id: UUID) -> list[PostRecord]:
    """Return all posts of a user, deleted ones too."""
    return [each for each in memory.posts.values() if each.post.user_id == user_id]


def delete_with_owner(memory: Memory, user_id: UUID) -> None:
    """Delete the posts of a user who goes."""
    for each in of_user(memory, user_id):
        if each.is_active:
            each.went_with_owner = True
            _save(memory, each, {"status": PostStatus.DELETED}, POST_DELETED)


def restore_with_owner(memory: Memory, user_id: UUID) -> None:
    """Bring the posts back that went with a user who comes back."""
    for each in of_user(memory, user_id):
        if each.went_with_owner:
            each.went_with_owner = False
            _save(memory, each, {"status": PostStatus.ACTIVE})


def erase_of(memory: Memory, user_id: UUID) -> None:
    """Leave nothing but names of the posts of a user. That those deleted before are gone is known."""
    for each in of_user(memory, user_id):
        if not each.is_erased:
            happened = POST_DELETED if each.is_active else POST_UPDATED
            each.is_erased, each.went_with_owner = True, False
            _save(memory, each, {"title": "", "body": "", "status": PostStatus.DELETED}, happened)
            memory.forget_commands(each.post.id)


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
    memory.posts[post.id] = PostRecord(post)
    _publish(memory, POST_CREATED, post)
    return post


def _updated(memory: Memory, record: PostRecord, request: UpdatePost) -> Post:
    given = request.model_dump(exclude={"id", "expected_version"})
    if not given:
        raise refused("nothing_to_change")
    patch = {name: value for name, value in given.items() if getattr(record.post, name) != value}
    require_version(request.expected_version, record.post.version)
    return _save(memory, record, patch) if patch else record.post


def _found(memory: Memory, post_id: UUID) -> PostRecord:
    record = memory.posts.get(post_id)
    if record is None or not record.is_active:
        raise refused("post_not_found", field="id")
    return record


def _save(
    memory: Memory, record: PostRecord, patch: dict[str, Any], happened: EventType = POST_UPDATED
) -> Post:
    """Give a post its next version, and publish what has *happened*."""
    before = record.post
    values = {**patch, "version": before.version + 1, "updated_at": memory.now()}
    after = record.post = before.model_copy(update=values)
    _publish(memory, happened, after, *patch)
    return after


def _publish(memory: Memory, event_type: EventType, post: Post, *changed: str) -> None:
    data = {"id": post.id, "user_id": post.user_id, "version": post.version, "changed": sorted(changed)}
    memory.publish(event_type, post.id, data)
