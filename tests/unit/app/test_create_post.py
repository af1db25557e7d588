import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService
from service.app.auth.permissions import NotAllowed
from service.app.commands.create_post import CreatePost, CreatePostHandler
from service.app.optimistic_update import WriteContention
from service.app.request_context import RequestContext
from service.domain.errors import AuthorizationChanged, ServiceError
from service.domain.post import PostStatus
from service.domain.profile import Role
from tests.builders import NOON, a_user
from tests.fakes.clock import FakeClock
from tests.fakes.posts import FakePosts
from tests.fakes.session_guard import trusting


def a_command(actor: Actor) -> CreatePost:
    return CreatePost(context=RequestContext(actor), title="Note G", body="It weaves algebraic patterns.")


@pytest.mark.parametrize("role", Role)
async def test_a_user_writes_a_post_of_ones_own(role: Role) -> None:
    posts, user = FakePosts(), a_user(role=role)
    made = await CreatePostHandler(posts, trusting(), FakeClock(NOON)).handle(a_command(user))

    assert await posts.get(made.id) == made
    assert (made.title, made.body, made.user_id) == ("Note G", "It weaves algebraic patterns.", user.id)
    assert (made.status, made.version, made.id.version) == (PostStatus.ACTIVE, 1, 7)
    assert made.created_at == made.updated_at == NOON


async def test_it_is_published_once() -> None:
    posts, user = FakePosts(), a_user()
    made = await CreatePostHandler(posts, trusting(), FakeClock(NOON)).handle(a_command(user))
    (event,) = posts.published

    assert event.data == {"id": made.id, "user_id": user.id, "version": 1, "changed": []}
    assert made.events == ()


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (Anonymous(), MissingToken),
        (Anonymous(auth_error=TokenExpired()), TokenExpired),
        (TrustedService("cms"), NotAllowed),
    ],
)
async def test_nobody_else_writes(actor: Actor, refusal: type[ServiceError]) -> None:
    posts = FakePosts()

    with pytest.raises(refusal):
        await CreatePostHandler(posts, trusting(), FakeClock(NOON)).handle(a_command(actor))
    assert posts.published == []


async def test_who_is_never_sure_is_told_to_ask_again() -> None:
    class Restless(FakePosts):
        async def add(self, *_: object, **__: object) -> None:
            raise AuthorizationChanged

    with pytest.raises(WriteContention):
        await CreatePostHandler(Restless(), trusting(), FakeClock(NOON)).handle(a_command(a_user()))


def test_a_command_does_not_show_its_words() -> None:
    command = a_command(a_user())

    assert command.title not in repr(command)
    assert command.body not in repr(command)
