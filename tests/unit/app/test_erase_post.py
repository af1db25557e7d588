from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service.app.commands.erase_expired import EraseExpiredHandler
from service.app.commands.erase_post import ErasePost, ErasePostHandler
from service.app.commands.restore_post import RestorePost, RestorePostHandler
from service.domain.errors import StaleVersion
from service.domain.post import Post, PostNotDeleted, PostNotFound, PostStatus
from service.domain.profile import Profile, ProfileNotFound
from tests.builders import NOON, a_post, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.operating import eraser
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions

LATER = NOON + timedelta(minutes=1)
RETENTION = timedelta(days=30)


@pytest.mark.parametrize("post", [a_post(), a_post().deleted(NOON)], ids=lambda each: each.status)
async def test_whatever_the_post_was_nothing_that_it_said_is_left(post: Post) -> None:
    posts = FakePosts(post)
    left = await ErasePostHandler(posts, FakeClock(LATER)).handle(ErasePost(post.id))

    assert await posts.get_including_deleted(post.id) == left
    assert (left.status, left.title, left.body, left.version) == (
        PostStatus.ERASED,
        "",
        "",
        post.version + 1,
    )


async def test_erasing_again_changes_nothing() -> None:
    erased = a_post().erased(NOON)

    handler = ErasePostHandler(FakePosts(erased), FakeClock(LATER))
    assert await handler.handle(ErasePost(erased.id)) is erased


async def test_what_never_was_is_not_erased() -> None:
    with pytest.raises(PostNotFound):
        await ErasePostHandler(FakePosts(), FakeClock(LATER)).handle(ErasePost(uuid4()))


async def test_posts_that_were_deleted_long_ago_are_erased_and_no_others() -> None:
    due, young = a_post().deleted(NOON), a_post().deleted(NOON + timedelta(milliseconds=1))
    active, with_owner = a_post(), a_post().deleted(NOON, with_owner=True)
    posts, clock = FakePosts(due, young, active, with_owner), FakeClock(NOON + RETENTION)
    erase_profile = eraser(FakeProfiles(), FakeSessions(), clock)
    await EraseExpiredHandler(erase_profile, ErasePostHandler(posts, clock), clock, RETENTION).handle()

    those = (due, young, active, with_owner)
    statuses = [(await posts.get_including_deleted(each.id)).status for each in those]
    assert statuses == ["erased", "deleted", "active", "deleted"]


async def test_a_deleted_post_comes_back() -> None:
    ada = a_profile()
    deleted = a_post(user_id=ada.id).deleted(NOON)
    posts = FakePosts(deleted, profiles=(profiles := FakeProfiles(ada)))
    restored = await RestorePostHandler(profiles, posts, FakeClock(LATER)).handle(RestorePost(deleted.id))

    assert await posts.get(deleted.id) == restored
    assert (restored.title, restored.deleted_at, restored.version) == (deleted.title, None, 3)


@pytest.mark.parametrize("post", [a_post(), a_post().erased(NOON)], ids=lambda each: each.status)
async def test_what_is_not_deleted_is_not_restored(post: Post) -> None:
    with pytest.raises(PostNotDeleted):
        await RestorePostHandler(FakeProfiles(), FakePosts(post), FakeClock(LATER)).handle(
            RestorePost(post.id)
        )


async def test_a_post_does_not_come_back_without_its_owner() -> None:
    ada = a_profile()
    deleted = a_post(user_id=ada.id).deleted(NOON, with_owner=True)
    profiles, posts = FakeProfiles(ada.deleted(NOON)), FakePosts(deleted)

    with pytest.raises(ProfileNotFound):
        await RestorePostHandler(profiles, posts, FakeClock(LATER)).handle(RestorePost(deleted.id))
    assert await posts.get_including_deleted(deleted.id) == deleted


async def test_a_post_does_not_come_back_beside_the_deletion_of_its_owner() -> None:
    """Which has looked for what goes with the owner, and would find it no more."""

    class Gone(FakeProfiles):
        async def get(self, profile_id: UUID) -> Profile:
            profile = await super().get(profile_id)
            await self.save(profile.deleted(LATER))
            return profile

    deleted = a_post(user_id=(ada := a_profile()).id).deleted(NOON)
    posts = FakePosts(deleted, profiles=(profiles := Gone(ada)))

    with pytest.raises(StaleVersion):
        await RestorePostHandler(profiles, posts, FakeClock(LATER)).handle(RestorePost(deleted.id))
    assert await posts.get_including_deleted(deleted.id) == deleted
