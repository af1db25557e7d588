import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from service.app.ids import new_id
from service.domain.errors import StaleVersion, Unavailable
from service.domain.post import Post, PostNotFound, PostPatch, PostRepository, PostSelection
from service.infrastructure.mongo.posts import MongoPosts
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_post
from tests.fakes.posts import FakePosts

LATER, LATEST = NOON + timedelta(milliseconds=1), NOON + timedelta(milliseconds=2)
TITLE = PostPatch(title="Note H")


@pytest.fixture
def fake_posts() -> PostRepository:
    return FakePosts()


@pytest.fixture
def pymongo_posts(pymongo_client: AsyncMongoClient[Documents]) -> PostRepository:
    return MongoPosts(default_database(pymongo_client))


@pytest.fixture
def motor_posts(motor_client: AsyncMongoClient[Documents]) -> PostRepository:
    return MongoPosts(default_database(motor_client))


@pytest.fixture(params=["fake", "pymongo", "motor"])
def posts(request: pytest.FixtureRequest) -> PostRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    chosen: PostRepository = request.getfixturevalue(f"{request.param}_posts")
    return chosen


async def stored(posts: PostRepository, **changes: object) -> Post:
    """Return a post that is in *posts*."""
    post = a_post(**changes)
    await posts.add(post.with_created_event())
    return post


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"version": 2**53 - 1},
        {"title": "\U0001f469\u200d\U0001f4bb" * 66, "body": "$where.\u00e9\u0308 {}\n\t"},
        {"body": "\U0001f469" * 20_000},
        {
            "created_at": datetime(1970, 1, 1, 0, 0, 0, 1000, UTC),
            "updated_at": datetime(9999, 1, 1, tzinfo=UTC),
        },
    ],
    ids=["usual", "version", "unusual words", "long", "distant times"],
)
async def test_what_is_stored_comes_back_exactly(posts: PostRepository, changes: dict[str, object]) -> None:
    post = await stored(posts, **changes)
    found = await posts.get(post.id)

    assert found == post
    assert (type(found.id), type(found.user_id)) == (UUID, UUID)
    assert found.created_at.utcoffset() == timedelta(0)
    assert found.events == ()


async def test_a_changed_post_comes_back_exactly(posts: PostRepository) -> None:
    post = await stored(posts)
    await posts.save(changed := post.updated(PostPatch(title="Note H", body="Another."), LATER))

    assert await posts.get(post.id) == changed


async def test_what_was_never_stored_is_not_found(posts: PostRepository) -> None:
    with pytest.raises(PostNotFound):
        await posts.get(uuid4())


async def test_a_name_in_the_database_is_new_each_time(posts: PostRepository) -> None:
    names = {posts.next_oid() for _ in range(100)}

    assert len(names) == 100
    assert all(ObjectId.is_valid(name) and name == name.lower() for name in names)


async def test_a_post_is_added_once(posts: PostRepository) -> None:
    post = await stored(posts)

    for again in (post, a_post(id=post.id), a_post(oid=post.oid)):
        with pytest.raises(Unavailable):
            await posts.add(again)
    assert await posts.get(post.id) == post


async def test_a_user_has_many_posts_that_may_look_alike(posts: PostRepository) -> None:
    user_id = uuid4()
    written = [await stored(posts, user_id=user_id) for _ in range(3)]

    assert [await posts.get(each.id) for each in written] == written


GONE: dict[str, Callable[[Post], Post]] = {
    "deleted": lambda post: post.deleted(LATER),
    "deleted with its owner": lambda post: post.deleted(LATER, with_owner=True),
    "erased": lambda post: post.erased(LATER),
}


@pytest.mark.parametrize("end", GONE.values(), ids=GONE.keys())
async def test_what_is_not_active_is_not_found(posts: PostRepository, end: Callable[[Post], Post]) -> None:
    post = await stored(posts)
    await posts.save(end(post))

    with pytest.raises(PostNotFound):
        await posts.get(post.id)
    with pytest.raises(StaleVersion):
        await posts.save(post.updated(TITLE, LATER))


async def test_what_was_deleted_with_its_owner_comes_back_exactly(posts: PostRepository) -> None:
    post = await stored(posts)
    await posts.save(deleted := post.deleted(LATER, with_owner=True))
    await posts.save(restored := deleted.restored(LATEST))

    assert await posts.get(post.id) == restored


async def test_the_second_of_two_writers_loses(posts: PostRepository) -> None:
    post = await stored(posts)
    first, second = await posts.get(post.id), await posts.get(post.id)
    await posts.save(first.updated(TITLE, LATER))

    with pytest.raises(StaleVersion):
        await posts.save(second.updated(PostPatch(body="Another."), LATER))
    assert await posts.get(post.id) == first.updated(TITLE, LATER)


@pytest.mark.parametrize("version", [1, 3, 4])
async def test_a_version_that_does_not_follow_is_stale(posts: PostRepository, version: int) -> None:
    post = await stored(posts)

    with pytest.raises(StaleVersion):
        await posts.save(a_post(id=post.id, oid=post.oid, version=version))
    assert await posts.get(post.id) == post


async def test_a_post_that_was_never_stored_is_stale(posts: PostRepository) -> None:
    post = a_post()

    with pytest.raises(StaleVersion):
        await posts.save(post.updated(TITLE, LATER))
    with pytest.raises(PostNotFound):
        await posts.get(post.id)


async def test_of_many_who_change_a_version_one_does(posts: PostRepository) -> None:
    post = await stored(posts)
    versions = [post.updated(PostPatch(title=f"Note {each}"), LATER) for each in range(20)]
    outcomes = await asyncio.gather(*map(posts.save, versions), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert {type(each) for each in outcomes} == {type(None), StaleVersion}
    assert await posts.get(post.id) == versions[outcomes.index(None)]


async def test_a_list_is_the_active_posts_the_newest_first(posts: PostRepository) -> None:
    user = uuid4()
    mine = [await stored(posts, id=new_id(NOON + timedelta(seconds=each)), user_id=user) for each in range(5)]
    other = await stored(posts, id=new_id(NOON + timedelta(days=1)))
    await posts.save(mine[1].deleted(LATER))
    newest = [mine[each] for each in (4, 3, 2, 0)]

    assert await posts.list(user, None, 10) == newest
    assert await posts.list(user, None, 2) == newest[:2]
    assert await posts.list(user, str(mine[3].id), 10) == newest[2:]
    # Where a post is gone, a list goes on after its place.
    assert await posts.list(user, str(mine[1].id), 10) == newest[3:]
    assert await posts.list(uuid4(), None, 10) == []
    assert (await posts.list(None, str(UUID(int=other.id.int + 1)), 1)) == [other]


async def test_a_post_that_is_there_throughout_is_met_once(posts: PostRepository) -> None:
    user = uuid4()
    there = [
        await stored(posts, id=new_id(NOON + timedelta(seconds=each)), user_id=user) for each in range(30)
    ]
    met: list[UUID] = []
    after = None
    while found := await posts.list(user, after, 4):
        met += [each.id for each in found]
        after = str(found[-1].id)
        for moment in (NOON + timedelta(days=1), NOON - timedelta(days=1)):
            if len(met) < 20:
                await stored(posts, id=new_id(moment), user_id=user)

    assert len(met) == len(set(met))
    assert {each.id for each in there} <= set(met)


async def a_series(posts: PostRepository, many: int) -> list[Post]:
    """Return posts of one user, written one after the other."""
    user_id = uuid4()
    times = [NOON + timedelta(milliseconds=each) for each in range(many)]
    return [await stored(posts, user_id=user_id, id=new_id(time)) for time in times]


ENDINGS: dict[str, Callable[[Post], Post]] = {"active": lambda post: post, **GONE}
CHOSEN = {
    PostSelection.ALL: ["active", "deleted", "deleted with its owner", "erased"],
    PostSelection.ACTIVE: ["active"],
    PostSelection.DELETED_WITH_OWNER: ["deleted with its owner"],
    PostSelection.NOT_ERASED: ["active", "deleted", "deleted with its owner"],
}


@pytest.mark.parametrize("which", list(PostSelection), ids=lambda each: each.name.lower())
async def test_of_a_user_those_are_found_that_were_asked_for(
    posts: PostRepository, which: PostSelection
) -> None:
    await stored(posts)  # of somebody else
    now = {}
    for post, (name, end) in zip(await a_series(posts, 4), ENDINGS.items(), strict=True):
        now[name] = end(post)
        if now[name] is not post:
            await posts.save(now[name])

    assert list(await posts.of_user(post.user_id, which)) == [now[name] for name in CHOSEN[which]]


async def test_what_was_restored_is_active_and_does_not_go_with_its_owner_any_more(
    posts: PostRepository,
) -> None:
    post = await stored(posts)
    await posts.save(deleted := post.deleted(LATER, with_owner=True))
    await posts.save(restored := deleted.restored(LATEST))

    assert list(await posts.of_user(post.user_id, PostSelection.ACTIVE)) == [restored]
    assert list(await posts.of_user(post.user_id, PostSelection.DELETED_WITH_OWNER)) == []


async def test_the_oldest_come_first_and_no_more_than_asked_for(posts: PostRepository) -> None:
    user_id = uuid4()
    times = [NOON + timedelta(seconds=each) for each in (3, 1, 2)]
    last, first, middle = [await stored(posts, user_id=user_id, id=new_id(time)) for time in times]

    for limit, expected in ((0, [first, middle, last]), (2, [first, middle]), (9, [first, middle, last])):
        assert list(await posts.of_user(user_id, PostSelection.ACTIVE, limit)) == expected
    rest = await posts.of_user(user_id, PostSelection.ALL, 1, after=str(first.id))
    assert list(rest) == [middle]
    assert list(await posts.of_user(uuid4(), PostSelection.ALL)) == []


async def test_of_many_that_are_stored_those_are_left_that_others_have_changed(posts: PostRepository) -> None:
    written = await a_series(posts, 4)
    await posts.save(changed := written[1].updated(TITLE, LATER))
    await posts.save_many([*(each.deleted(LATEST) for each in written), a_post().deleted(LATEST)])

    assert list(await posts.of_user(changed.user_id, PostSelection.ALL)) == [
        changed if each.id == changed.id else each.deleted(LATEST) for each in written
    ]


async def test_of_two_who_store_many_at_once_each_post_takes_one(posts: PostRepository) -> None:
    written = await a_series(posts, 20)
    deleting = posts.save_many([each.deleted(LATER, with_owner=True) for each in written])
    erasing = posts.save_many([each.erased(LATEST) for each in written])
    await asyncio.gather(deleting, erasing)
    found = await posts.of_user(written[0].user_id, PostSelection.ALL)

    assert [each.version for each in found] == [2] * 20
    assert all(
        each in (before.deleted(LATER, with_owner=True), before.erased(LATEST))
        for each, before in zip(found, written, strict=True)
    )


async def test_the_longest_deleted_come_first_and_no_more_than_asked_for(posts: PostRepository) -> None:
    # Long before any other test deletes anything.
    long_ago = [datetime(1990, 1, day, tzinfo=UTC) for day in (3, 1, 2, 4)]
    last, first, middle, too_late = [(await stored(posts)).deleted(day) for day in long_ago]
    with_owner = (await stored(posts)).deleted(long_ago[1], with_owner=True)
    restored, erased = [(await stored(posts)).deleted(long_ago[1]) for _ in range(2)]
    for each in (last, first, middle, too_late, with_owner, restored, erased):
        await posts.save(each)
    for each in (restored.restored(LATER), erased.erased(LATER)):
        await posts.save(each)

    for limit, expected in ((9, [first, middle, last]), (2, [first, middle])):
        assert list(await posts.deleted_before(last.updated_at, limit)) == expected
    assert list(await posts.deleted_before(last.updated_at, 1, skip=1)) == [middle]

    for each in (first, middle, last, too_late):  # so that the next repository finds none of them
        await posts.save(each.erased(LATER))
    assert list(await posts.deleted_before(too_late.updated_at, 9)) == []


async def test_a_post_is_found_whatever_has_become_of_it(posts: PostRepository) -> None:
    post = await stored(posts)
    for after in (post.deleted(LATER), post.deleted(LATER).erased(LATEST)):
        await posts.save(after)
        assert await posts.get_including_deleted(post.id) == after
    with pytest.raises(PostNotFound):
        await posts.get_including_deleted(uuid4())
