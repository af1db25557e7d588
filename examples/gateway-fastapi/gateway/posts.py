"""Posts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status
from pydantic import MISSING

from gateway.bodies import NewPost, PostPatch
from gateway.callers import IfMatch, Options, Service, Token, UnambiguousQuery
from profile_contracts.posts import (
    CreatePost,
    DeletePost,
    GetPost,
    ListPosts,
    Post,
    PostPage,
    UpdatePost,
)

router = APIRouter(prefix="/posts", tags=["posts"])


@router.get("", dependencies=[UnambiguousQuery])
async def list_posts(
    service: Service,
    options: Options,
    user_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: str | None = None,
) -> PostPage:
    """Read a page of posts, the newest first: of one user, or of all."""
    request = ListPosts(user_id=user_id or MISSING, limit=limit, cursor=cursor)
    return await service.list_posts(request, **options)


@router.post("", status_code=status.HTTP_201_CREATED)
async def write(body: NewPost, token: Token, service: Service, options: Options, response: Response) -> Post:
    """Write a post."""
    post = await service.create_post(CreatePost(**body.model_dump()), token, **options)
    response.headers["location"] = f"/posts/{post.id}"
    return _tagged(response, post)


@router.get("/{post_id}")
async def read(post_id: UUID, service: Service, options: Options, response: Response) -> Post:
    """Read a post."""
    return _tagged(response, await service.get_post(GetPost(id=post_id), **options))


@router.patch("/{post_id}")
async def change(
    *,
    post_id: UUID,
    body: PostPatch,
    token: Token,
    service: Service,
    options: Options,
    version: IfMatch,
    response: Response,
) -> Post:
    """Change a post; with `If-Match`, only if it is as one has seen it."""
    request = UpdatePost(id=post_id, expected_version=version, **body.model_dump())
    return _tagged(response, await service.update_post(request, token, **options))


@router.delete("/{post_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete(post_id: UUID, token: Token, service: Service, options: Options, version: IfMatch) -> None:
    """Delete a post; with `If-Match`, only if it is as one has seen it."""
    await service.delete_post(DeletePost(id=post_id, expected_version=version), token, **options)


def _tagged(response: Response, post: Post) -> Post:
    response.headers["etag"] = f'"{post.version}"'
    return post
