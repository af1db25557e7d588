import asyncio
from uuid import UUID

import pytest

from service.app.optimistic_update import WriteContention, update_post
from service.domain.errors import StaleVersion
from service.domain.post import Post, PostPatch
from service.domain.profile import Profile, ProfileNotFound, ProfilePatch
from tests.builders import a_post, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.mutations import LATER, FakeMutation, change_profile
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.session_guard import trusting

CLOCK = FakeClock(LATER)


class ContestedProfiles(FakeProfiles):
    """Lets a rival save in between, so many times."""

    def __init__(self, profile: Profile, rivals: int) -> None:
        super().__init__(profile)
        self.rivals = rivals

    async def get(self, profile_id: UUID) -> Profile:
        profile = await super().get(profile_id)
        if self.rivals:
            self.rivals -= 1
            name = f"rival {self.rivals}"
            await self.save(profile.updated(ProfilePatch(first_name=name), LATER))
        return profile


def king(profile: Profile) -> Profile:
    return profile.updated(ProfilePatch(last_name="King"), LATER)


@pytest.mark.parametrize("rivals", [0, 1, 9])
async def test_a_change_is_tried_again_when_a_rival_was_faster(rivals: int) -> None:
    ada = a_profile()
    _, changed = await change_profile(ContestedProfiles(ada, rivals), ada.id, FakeMutation(king))

    assert (changed.last_name, changed.version) == ("King", 2 + rivals)
    assert changed.first_name == ("rival 0" if rivals else "Ada")


async def test_it_gives_up_after_ten_rivals() -> None:
    ada = a_profile()
    profiles = ContestedProfiles(ada, 10)

    with pytest.raises(WriteContention):
        await change_profile(profiles, ada.id, FakeMutation(king))
    assert (await profiles.get(ada.id)).last_name == "Lovelace"


async def test_who_expects_a_version_is_not_tried_again() -> None:
    ada = a_profile()

    with pytest.raises(StaleVersion):
        await change_profile(ContestedProfiles(ada, 1), ada.id, FakeMutation(king, 1))


async def test_a_rival_who_deletes_leaves_nothing_to_change() -> None:
    ada = a_profile()
    profiles = FakeProfiles(ada)

    async def delete() -> None:
        await profiles.save(ada.deleted(LATER))

    async def rename() -> Profile:
        return (await change_profile(profiles, ada.id, FakeMutation(king)))[1]

    _, renamed = await asyncio.gather(delete(), rename(), return_exceptions=True)

    assert isinstance(renamed, ProfileNotFound)


async def test_no_change_of_many_at_once_is_lost() -> None:
    ada = a_profile(first_name="")
    profiles = FakeProfiles(ada)

    def add_letter(profile: Profile) -> Profile:
        return profile.updated(ProfilePatch(first_name=profile.first_name + "x"), LATER)

    await asyncio.gather(*(change_profile(profiles, ada.id, FakeMutation(add_letter)) for _ in range(10)))
    stored = await profiles.get(ada.id)

    assert (stored.first_name, stored.version) == ("x" * 10, 11)


class ContestedPosts(FakePosts):
    """Lets a rival save in between, so many times."""

    def __init__(self, post: Post, rivals: int) -> None:
        super().__init__(post)
        self.rivals = rivals

    async def get(self, post_id: UUID) -> Post:
        post = await super().get(post_id)
        if self.rivals:
            self.rivals -= 1
            await self.save(post.updated(PostPatch(body=f"rival {self.rivals}"), LATER))
        return post


def retitled(post: Post) -> Post:
    return post.updated(PostPatch(title="Note H"), LATER)


@pytest.mark.parametrize("rivals", [0, 1, 9])
async def test_a_change_of_a_post_is_tried_again_likewise(rivals: int) -> None:
    posts = ContestedPosts(post := a_post(body="own"), rivals)
    changed = await update_post(posts, trusting(), CLOCK, post.id, FakeMutation(retitled))

    assert (changed.title, changed.version) == ("Note H", 2 + rivals)
    assert changed.body == ("rival 0" if rivals else "own")
    assert await posts.get(post.id) == changed


async def test_a_change_of_a_post_is_given_up_likewise() -> None:
    post = a_post()

    with pytest.raises(WriteContention):
        await update_post(ContestedPosts(post, 10), trusting(), CLOCK, post.id, FakeMutation(retitled))
    with pytest.raises(StaleVersion):
        await update_post(ContestedPosts(post, 1), trusting(), CLOCK, post.id, FakeMutation(retitled, 1))


async def test_a_post_that_stays_as_it_is_is_not_stored_again() -> None:
    posts = FakePosts(post := a_post())

    assert await update_post(posts, trusting(), CLOCK, post.id, FakeMutation(lambda found: found, 1)) == post
    assert posts.published == []


def test_too_many_writers_may_try_again() -> None:
    assert WriteContention.retryable
