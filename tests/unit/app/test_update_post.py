from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService, User
from service.app.auth.permissions import NotAllowed
from service.app.commands.update_post import UpdatePost, UpdatePostHandler
from service.app.request_context import RequestContext
from service.domain.errors import ServiceError, StaleVersion
from service.domain.patch import NothingToChange
from service.domain.post import Post, PostNotFound, PostPatch
from service.domain.profile import Role
from tests.builders import NOON, a_post, a_user
from tests.fakes.clock import FakeClock
from tests.fakes.posts import FakePosts
from tests.fakes.session_guard import trusting

LATER = NOON + timedelta(minutes=1)
ADMIN, TRUSTED, OTHER = a_user(role=Role.ADMIN), TrustedService("cms"), a_user()
TITLE = PostPatch(title="Note H")


@pytest.fixture
def post() -> Post:
    return a_post()


def handler(*stored: Post) -> UpdatePostHandler:
    return UpdatePostHandler(FakePosts(*stored), trusting(), FakeClock(LATER))


def an_update(actor: Actor, post: Post, **values: Any) -> UpdatePost:
    return UpdatePost(**{"context": RequestContext(actor), "post_id": post.id, "patch": TITLE, **values})


def owner(post: Post) -> User:
    return a_user(post.user_id)


@pytest.mark.parametrize("actor", [None, ADMIN])
async def test_owner_and_admin_change_it(post: Post, actor: User | None) -> None:
    update = handler(post)
    changed = await update.handle(an_update(actor or owner(post), post))

    assert (changed.title, changed.version, changed.updated_at) == ("Note H", 2, LATER)
    assert (changed.user_id, changed.body) == (post.user_id, post.body)
    assert await update.posts.get(post.id) == changed


@pytest.mark.parametrize("actor", [OTHER, TRUSTED])
@pytest.mark.parametrize("patch", [TITLE, PostPatch()])
async def test_others_and_services_may_see_it_but_not_change_it(
    post: Post, actor: Actor, patch: PostPatch
) -> None:
    update = handler(post)
    for version in (None, 1, 99):
        with pytest.raises(NotAllowed):
            await update.handle(an_update(actor, post, patch=patch, expected_version=version))
    assert await update.posts.get(post.id) == post


@pytest.mark.parametrize("actor", [None, OTHER, ADMIN, TRUSTED])
async def test_what_is_not_there_is_not_found_before_it_is_forbidden(actor: Actor | None) -> None:
    gone = [a_post().deleted(NOON), a_post().deleted(NOON, with_owner=True), a_post().erased(NOON)]
    for post in (*gone, a_post()):
        with pytest.raises(PostNotFound):
            await handler(*gone).handle(an_update(actor or owner(post), post))


@pytest.mark.parametrize(
    ("actor", "refusal"), [(Anonymous(), MissingToken), (Anonymous(auth_error=TokenExpired()), TokenExpired)]
)
async def test_nobody_in_particular_is_asked_for_a_token_first(
    post: Post, actor: Actor, refusal: type[ServiceError]
) -> None:
    for each in (post, a_post()):
        with pytest.raises(refusal):
            await handler(post).handle(an_update(actor, each))


async def test_a_change_at_the_expected_version_is_made(post: Post) -> None:
    changed = await handler(post).handle(an_update(owner(post), post, expected_version=1))

    assert changed.version == 2


@pytest.mark.parametrize("patch", [TITLE, PostPatch(title="Note G")])
async def test_a_change_at_another_version_is_refused(post: Post, patch: PostPatch) -> None:
    update = handler(post)

    with pytest.raises(StaleVersion):
        await update.handle(an_update(owner(post), post, patch=patch, expected_version=2))
    assert await update.posts.get(post.id) == post


async def test_a_change_of_nothing_is_refused(post: Post) -> None:
    with pytest.raises(NothingToChange):
        await handler(post).handle(an_update(owner(post), post, patch=PostPatch(), expected_version=2))


async def test_a_change_to_what_is_there_already_is_no_version(post: Post) -> None:
    posts = FakePosts(post)
    same = an_update(owner(post), post, patch=PostPatch(title=post.title, body=post.body))

    assert await UpdatePostHandler(posts, trusting(), FakeClock(LATER)).handle(same) == post
    assert posts.published == []


async def test_what_changed_is_published_and_not_into_what(post: Post) -> None:
    posts = FakePosts(post)
    await UpdatePostHandler(posts, trusting(), FakeClock(LATER)).handle(an_update(owner(post), post))

    assert [each.data for each in posts.published] == [
        {"id": post.id, "user_id": post.user_id, "version": 2, "changed": ["title"]}
    ]


async def test_the_owner_of_another_post_is_not_the_owner_of_this(post: Post) -> None:
    other = a_post(user_id=uuid4())

    with pytest.raises(NotAllowed):
        await handler(post, other).handle(an_update(owner(other), post))


def test_a_command_does_not_show_its_words(post: Post) -> None:
    assert "Note H" not in repr(an_update(ADMIN, post))
