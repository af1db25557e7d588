import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app.commands import cascade_profile_status
from service.app.commands.cascade_profile_status import (
    CascadeProfileStatus,
    CascadeProfileStatusHandler,
    TooManyPosts,
)
from service.domain.errors import Unavailable
from service.domain.post import Post, PostPatch, PostSelection
from service.domain.profile import Profile, ProfileNotFound, Status
from tests.builders import NOON, a_post, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles

LATER = NOON + timedelta(minutes=1)
STEPS: dict[str, Callable[[Profile, datetime], Profile]] = {
    "delete": Profile.deleted,
    "restore": Profile.restored,
    "erase": Profile.erased,
}
# What a user has had done to a profile, in an order that is possible.
LIVES = [
    ["delete"],
    ["delete", "restore"],
    ["delete", "restore", "delete"],
    ["delete", "restore", "erase"],
    ["delete", "erase"],
    ["erase"],
]


def some_posts(user_id: UUID) -> list[Post]:
    """Return posts in every state: two active ones, one that its user deleted, one erased."""
    mine = [a_post(user_id=user_id) for _ in range(4)]
    return [*mine[:2], mine[2].deleted(NOON), mine[3].erased(NOON)]


def following(profile: Profile, *posts: Post) -> tuple[CascadeProfileStatusHandler, FakeProfiles, FakePosts]:
    profiles, stored = FakeProfiles(profile), FakePosts(*posts)
    return CascadeProfileStatusHandler(profiles, stored, FakeClock(LATER)), profiles, stored


async def states(posts: FakePosts, user_id: UUID) -> list[tuple[str, bool, bool]]:
    """Return of each post its status, whether it goes with its owner, and whether it has any text."""
    found = await posts.of_user(user_id, PostSelection.ALL)
    return sorted(
        (each.status.value, each.deleted_with_owner, bool(each.title + each.body)) for each in found
    )


EXPECTED = {
    Status.ACTIVE: [("active", False, True)] * 2 + [("deleted", False, True), ("erased", False, False)],
    Status.DELETED: [("deleted", False, True)] + [("deleted", True, True)] * 2 + [("erased", False, False)],
    Status.ERASED: [("erased", False, False)] * 4,
}


async def live(profiles: FakeProfiles, user_id: UUID, steps: list[str]) -> Profile:
    """Take the steps of a life; return the profile at the end."""
    profile = await profiles.get_including_deleted(user_id)
    for generation in steps:
        await profiles.save(profile := STEPS[generation](profile, LATER))
    return profile


@pytest.mark.parametrize("life", LIVES, ids=" ".join)
async def test_posts_end_as_their_owner_does(life: list[str]) -> None:
    ada, other = a_profile(), a_post()
    handler, profiles, posts = following(ada, *some_posts(ada.id), other)
    for generation in life:
        profile = await live(profiles, ada.id, [generation])
        await handler.handle(CascadeProfileStatus(ada.id))

        assert await states(posts, ada.id) == EXPECTED[profile.status]
    assert await posts.get(other.id) == other


@pytest.mark.parametrize("life", LIVES, ids=" ".join)
async def test_events_that_come_late_or_again_change_nothing_more(life: list[str]) -> None:
    ada = a_profile()
    handler, profiles, posts = following(ada, *some_posts(ada.id))
    profile = await live(profiles, ada.id, life)  # the events of all of it come afterwards
    for _ in range(len(life) + 1):
        await handler.handle(CascadeProfileStatus(ada.id))

    assert await states(posts, ada.id) == EXPECTED[profile.status]
    assert len({each.id for each in posts.published}) == len(posts.published) <= 4


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4), st.sampled_from(LIVES))
async def test_in_whatever_order_workers_and_operators_take_turns(pauses: list[int], life: list[str]) -> None:
    ada = a_profile()
    handler, profiles, posts = following(ada, *some_posts(ada.id))

    async def lives() -> None:
        for generation in life:
            await live(profiles, ada.id, [generation])
            workers.append(
                asyncio.create_task(handler.handle(CascadeProfileStatus(ada.id)))
            )  # the event of it

    async def writes() -> None:
        await posts.add(a_post(user_id=ada.id))
        workers.append(asyncio.create_task(handler.handle(CascadeProfileStatus(ada.id))))

    async def follows() -> None:
        await handler.handle(CascadeProfileStatus(ada.id))

    async def after(pause: int, work: Callable[[], Awaitable[None]]) -> None:
        for _ in range(pause):
            await asyncio.sleep(0)
        await work()

    workers: list[asyncio.Task[None]] = []
    works = (lives, writes, follows, follows)
    await asyncio.gather(*(after(pause, work) for pause, work in zip(pauses, works, strict=True)))
    await asyncio.gather(*workers)
    end = (await profiles.get_including_deleted(ada.id)).status
    now = await states(posts, ada.id)

    new = {Status.ACTIVE: ("active", False, True), Status.DELETED: ("deleted", True, True)}
    assert now == sorted([*EXPECTED[end], new.get(end, ("erased", False, False))])


@pytest.mark.parametrize("many", [0, 1, 199, 200, 201, 450])
async def test_all_posts_follow_however_many(many: int) -> None:
    ada = a_profile()
    handler, profiles, posts = following(ada, *(a_post(user_id=ada.id) for _ in range(many)))
    await live(profiles, ada.id, ["delete"])
    await handler.handle(CascadeProfileStatus(ada.id))

    assert await states(posts, ada.id) == [("deleted", True, True)] * many
    assert len(posts.published) == many


class Failing(FakePosts):
    """Goes away when so many batches have been stored."""

    batches = 1

    async def save_many(self, posts: list[Post]) -> None:  # type: ignore[override]
        if not self.batches:
            raise Unavailable
        self.batches -= 1
        await super().save_many(posts)


async def test_who_is_stopped_midway_has_done_part_and_the_next_does_the_rest() -> None:
    ada = a_profile().deleted(NOON)
    posts = Failing(*(a_post(user_id=ada.id) for _ in range(450)))
    handler = CascadeProfileStatusHandler(FakeProfiles(ada), posts, FakeClock(LATER))

    with pytest.raises(Unavailable):
        await handler.handle(CascadeProfileStatus(ada.id))
    assert len(await posts.of_user(ada.id, PostSelection.ACTIVE)) == 250

    posts.batches = 9
    await handler.handle(CascadeProfileStatus(ada.id))

    assert await states(posts, ada.id) == [("deleted", True, True)] * 450
    assert len({each.id for each in posts.published}) == len(posts.published) == 450


async def test_a_post_that_is_changed_meanwhile_follows_too() -> None:
    ada = a_profile().deleted(NOON)
    mine = a_post(user_id=ada.id)

    class Busy(FakePosts):
        writer_is_there = True

        async def save_many(self, posts: list[Post]) -> None:  # type: ignore[override]
            if self.writer_is_there:
                self.writer_is_there = False
                await self.save(mine.updated(PostPatch(title="Note H"), LATER))
            await super().save_many(posts)

    posts = Busy(mine)
    await CascadeProfileStatusHandler(FakeProfiles(ada), posts, FakeClock(LATER)).handle(
        CascadeProfileStatus(ada.id)
    )
    (found,) = await posts.of_user(ada.id, PostSelection.ALL)

    assert (found.title, found.version, found.deleted_with_owner) == ("Note H", 3, True)


async def test_the_posts_of_nobody_are_left_alone() -> None:
    handler, _, _ = following(a_profile())

    with pytest.raises(ProfileNotFound):
        await handler.handle(CascadeProfileStatus(uuid4()))


async def test_posts_that_never_follow_are_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stubborn(FakePosts):
        async def save_many(self, posts: Sequence[Post]) -> None:
            """Let others be faster each time."""

    monkeypatch.setattr(cascade_profile_status, "_MAX_BATCHES", 3)
    ada = a_profile().deleted(NOON)
    follow = CascadeProfileStatusHandler(
        FakeProfiles(ada), Stubborn(a_post(user_id=ada.id)), FakeClock(LATER)
    )
    with pytest.raises(TooManyPosts):
        await follow.handle(CascadeProfileStatus(ada.id))
