import pytest

from service.app.auth.actors import Actor, Anonymous, TokenInvalid, TrustedService
from service.app.queries.get_post import GetPost, GetPostHandler
from service.domain.post import PostNotFound
from service.domain.profile import Role
from tests.builders import NOON, a_post, a_user
from tests.fakes.posts import FakePosts

POST = a_post()
GONE = (a_post().deleted(NOON), a_post().deleted(NOON, with_owner=True), a_post().erased(NOON))
GET = GetPostHandler(FakePosts(POST, *GONE))

everybody = pytest.mark.parametrize(
    "actor",
    [
        Anonymous(),
        Anonymous(auth_error=TokenInvalid()),
        a_user(POST.user_id),
        a_user(),
        a_user(role=Role.ADMIN),
        TrustedService("cms"),
    ],
)


@everybody
async def test_everybody_sees_a_post(actor: Actor) -> None:
    assert await GET.handle(GetPost(actor=actor, post_id=POST.id)) == POST


@everybody
async def test_deleted_erased_and_unknown_are_not_found_alike(actor: Actor) -> None:
    for post in (*GONE, a_post()):
        with pytest.raises(PostNotFound):
            await GET.handle(GetPost(actor=actor, post_id=post.id))


async def test_the_owner_does_not_find_what_was_deleted() -> None:
    for post in GONE:
        with pytest.raises(PostNotFound):
            await GET.handle(GetPost(actor=a_user(post.user_id), post_id=post.id))
