from datetime import timedelta

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService, User
from service.app.auth.permissions import NotAllowed
from service.app.commands.delete_post import DeletePost, DeletePostHandler
from service.app.request_context import RequestContext
from service.domain.errors import ServiceError, StaleVersion
from service.domain.post import Post, PostNotFound, PostStatus
from service.domain.profile import Role
from tests.builders import NOON, a_post, a_user
from tests.fakes.clock import FakeClock
from tests.fakes.posts import FakePosts
from tests.fakes.session_guard import trusting

LATER = NOON + timedelta(minutes=1)
ADMIN, TRUSTED, OTHER = a_user(role=Role.ADMIN), TrustedService("cms"), a_user()


@pytest.fixture
def post() -> Post:
    return a_post()


def handler(*stored: Post) -> DeletePostHandler:
    return DeletePostHandler(FakePosts(*stored), trusting(), FakeClock(LATER))


def owner(post: Post) -> User:
    return a_user(post.user_id)


@pytest.mark.parametrize("actor", [None, ADMIN])
async def test_owner_and_admin_delete(post: Post, actor: User | None) -> None:
    delete = handler(post)
    gone = await delete.handle(DeletePost(context=RequestContext(actor or owner(post)), post_id=post.id))

    assert (gone.status, gone.deleted_at, gone.version) == (PostStatus.DELETED, LATER, 2)
    assert gone.deleted_with_owner is False
    with pytest.raises(PostNotFound):
        await delete.posts.get(post.id)


async def test_it_is_published_once(post: Post) -> None:
    posts = FakePosts(post)
    await DeletePostHandler(posts, trusting(), FakeClock(LATER)).handle(
        DeletePost(context=RequestContext(ADMIN), post_id=post.id)
    )

    assert [(each.type.value, each.data) for each in posts.published] == [
        ("post.deleted", {"id": post.id, "user_id": post.user_id, "version": 2, "changed": ["status"]})
    ]


async def test_deleting_twice_finds_nothing(post: Post) -> None:
    delete = handler(post)
    await delete.handle(DeletePost(context=RequestContext(ADMIN), post_id=post.id))

    for actor in (ADMIN, owner(post), OTHER, TRUSTED):
        with pytest.raises(PostNotFound):
            await delete.handle(DeletePost(context=RequestContext(actor), post_id=post.id))


@pytest.mark.parametrize("actor", [OTHER, TRUSTED])
async def test_others_and_services_may_see_it_but_not_delete_it(post: Post, actor: Actor) -> None:
    for version in (None, 1, 99):
        with pytest.raises(NotAllowed):
            await handler(post).handle(
                DeletePost(context=RequestContext(actor), post_id=post.id, expected_version=version)
            )


@pytest.mark.parametrize(
    ("actor", "refusal"), [(Anonymous(), MissingToken), (Anonymous(auth_error=TokenExpired()), TokenExpired)]
)
async def test_nobody_in_particular_is_asked_for_a_token_first(
    post: Post, actor: Actor, refusal: type[ServiceError]
) -> None:
    for each in (post, a_post()):
        with pytest.raises(refusal):
            await handler(post).handle(DeletePost(context=RequestContext(actor), post_id=each.id))


async def test_the_expected_version_has_to_be_the_stored_one(post: Post) -> None:
    delete = handler(post)

    with pytest.raises(StaleVersion):
        await delete.handle(
            DeletePost(context=RequestContext(owner(post)), post_id=post.id, expected_version=2)
        )
    gone = await delete.handle(
        DeletePost(context=RequestContext(owner(post)), post_id=post.id, expected_version=1)
    )

    assert gone.version == 2
