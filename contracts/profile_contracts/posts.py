"""What is said about posts."""

from enum import StrEnum
from typing import Annotated

from pydantic import MISSING, Field

from profile_contracts.fields import (
    DEFAULT_PAGE_SIZE,
    Id,
    Limit,
    NextCursor,
    ObjectId,
    Page,
    Request,
    Result,
    Text,
    Timestamp,
    Title,
    Version,
)


class PostStatus(StrEnum):
    """Where a post is in its life."""

    ACTIVE = "active"
    DELETED = "deleted"


class CreatePost(Request):
    """Write a post; it belongs to the user who asks."""

    title: Title
    body: Text


class GetPost(Request):
    """Read one post."""

    id: Id


class UpdatePost(Request):
    """Change some fields of a post; at least one has to be named."""

    id: Id
    expected_version: Annotated[
        Version | MISSING, Field(description="Refuse the change if the post has moved on from here.")
    ] = MISSING
    title: Title | MISSING = MISSING
    body: Text | MISSING = MISSING


class DeletePost(Request):
    """Delete a post."""

    id: Id
    expected_version: Version | MISSING = MISSING


class ListPosts(Request):
    """Read many posts, the newest first."""

    user_id: Annotated[Id | MISSING, Field(description="Whose posts; without it, those of all users.")] = (
        MISSING
    )
    limit: Limit = DEFAULT_PAGE_SIZE
    cursor: NextCursor | MISSING = MISSING


class Post(Result):
    """A post as everybody sees it."""

    id: Id
    oid: ObjectId
    user_id: Annotated[Id, Field(description="The profile of the user whose post it is.")]
    title: str
    body: str
    status: PostStatus
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class PostPage(Page[Post]):
    """Some posts, and where the next ones are. Deleted posts are in no list."""


class DeletedPost(Result):
    """What is left to say of a post that was deleted."""

    id: Id
    status: PostStatus
    deleted_at: Timestamp
