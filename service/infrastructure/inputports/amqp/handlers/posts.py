"""Requests about posts: from the wire to a command or query, and back."""

from profile_contracts import posts as wire
from profile_contracts.operations import POST_CREATE, POST_DELETE, POST_GET, POST_LIST, POST_UPDATE
from service.app.application import Application
from service.app.commands.create_post import CreatePost
from service.app.commands.delete_post import DeletePost
from service.app.commands.update_post import UpdatePost
from service.app.paging import PageRequest
from service.app.queries.get_post import GetPost
from service.app.queries.list_posts import ListPosts
from service.app.request_context import RequestContext
from service.domain.post import Post, PostPatch
from service.infrastructure.inputports.amqp.decoding import none_if_missing
from service.infrastructure.inputports.amqp.router import Router


def subscribe_posts(router: Router, app: Application) -> None:
    """Answer the operations `post.*`."""

    @router.handles(POST_CREATE)
    async def create_post(request: wire.CreatePost, caller: RequestContext) -> wire.Post:
        command = CreatePost(context=caller, title=request.title, body=request.body)
        return _to_wire(await app.create_post.handle(command))

    @router.handles(POST_GET)
    async def get_post(request: wire.GetPost, caller: RequestContext) -> wire.Post:
        return _to_wire(await app.get_post.handle(GetPost(actor=caller.actor, post_id=request.id)))

    @router.handles(POST_UPDATE)
    async def update_post(request: wire.UpdatePost, caller: RequestContext) -> wire.Post:
        command = UpdatePost(
            context=caller,
            post_id=request.id,
            patch=PostPatch(title=none_if_missing(request.title), body=none_if_missing(request.body)),
            expected_version=none_if_missing(request.expected_version),
        )
        return _to_wire(await app.update_post.handle(command))

    @router.handles(POST_DELETE)
    async def delete_post(request: wire.DeletePost, caller: RequestContext) -> wire.DeletedPost:
        command = DeletePost(
            context=caller, post_id=request.id, expected_version=none_if_missing(request.expected_version)
        )
        post = await app.delete_post.handle(command)
        return wire.DeletedPost(id=post.id, status=wire.PostStatus(post.status), deleted_at=post.updated_at)

    @router.handles(POST_LIST)
    async def list_posts(request: wire.ListPosts, caller: RequestContext) -> wire.PostPage:
        page_request = PageRequest(request.limit, none_if_missing(request.cursor))
        query = ListPosts(
            actor=caller.actor, page_request=page_request, user_id=none_if_missing(request.user_id)
        )
        page = await app.list_posts.handle(query)
        return wire.PostPage(items=tuple(map(_to_wire, page.items)), next_cursor=page.next_cursor)


def _to_wire(post: Post) -> wire.Post:
    return wire.Post(
        id=post.id,
        oid=post.oid,
        user_id=post.user_id,
        title=post.title,
        body=post.body,
        status=wire.PostStatus(post.status),
        created_at=post.created_at,
        updated_at=post.updated_at,
        version=post.version,
    )
