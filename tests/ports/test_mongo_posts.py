"""What MongoDB holds of posts: documents, events that wait, and indexes that are used."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from pymongo import AsyncMongoClient

from service.app.outbox import Kind
from service.domain.post import PostPatch, PostSelection
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.indexes import INDEXES, POSTS, ensure_indexes
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.mongo.posts import MongoPosts
from service.pkg.database import Documents, close_mongo, default_database, open_mongo
from tests.builders import NOON, a_post
from tests.ports.conftest import closed_port

LATER = NOON + timedelta(minutes=1)


@pytest_asyncio.fixture
async def fresh(client: AsyncMongoClient[Documents]) -> AsyncIterator[Any]:
    """A database without anything in it but indexes."""
    database = client.get_database(f"{default_database(client).name}-{uuid4().hex[:8]}")
    await ensure_indexes(database)
    yield database
    await client.drop_database(database.name)


async def test_indexes_are_made(fresh: Any) -> None:
    assert set(await fresh[POSTS].index_information()) == {"_id_", *INDEXES[POSTS]}


async def test_a_document_is_readable_for_operators(fresh: Any) -> None:
    post = a_post()
    await MongoPosts(fresh).add(post)
    document = await fresh[POSTS].find_one({})

    assert {key: value for key, value in document.items() if key not in {"_id", "outbox"}} == {
        "id": post.id,
        "user_id": post.user_id,
        "title": "Note G",
        "body": "It weaves algebraic patterns.",
        "status": "active",
        "created_at": NOON,
        "updated_at": NOON,
        "deleted_at": None,
        "deleted_with_owner": False,
        "version": 1,
    }
    assert str(document["_id"]) == post.oid


async def test_what_is_erased_is_in_no_field_of_the_document(fresh: Any) -> None:
    posts, post = MongoPosts(fresh), a_post(title="canary-4711", body="canary-4712")
    await posts.add(post.with_created_event())
    await posts.save(changed := post.updated(PostPatch(title="canary-4713"), LATER))
    await posts.save(changed.erased(LATER))

    assert "canary" not in repr(await fresh[POSTS].find_one({}))


async def test_events_wait_with_the_post_in_the_order_of_its_versions(fresh: Any) -> None:
    hints: list[tuple[Kind, UUID]] = []
    posts, post = (
        MongoPosts(fresh, lambda kind, *subjects: hints.extend((kind, each) for each in subjects)),
        a_post(),
    )
    await posts.add(post.with_created_event())
    await posts.save(changed := post.updated(PostPatch(title="Note H"), LATER))
    await posts.save(deleted := changed.deleted(LATER))
    await posts.save(deleted.erased(LATER))
    outbox = MongoOutbox(fresh)
    (untold,) = await outbox.load_pending(Kind.POST, [post.id])

    assert [(each.id, each.data["changed"]) for each in untold.events] == [
        (f"post.created/{post.id}/1", []),
        (f"post.updated/{post.id}/2", ["title"]),
        (f"post.deleted/{post.id}/3", ["status"]),
        (f"post.updated/{post.id}/4", ["body", "status", "title"]),
    ]
    assert await outbox.find_stale(LATER, 10) == [(Kind.POST, post.id)]
    assert hints == [(Kind.POST, post.id)] * 4

    await outbox.mark_published([untold])

    assert await outbox.load_pending(Kind.POST, [post.id]) == []
    assert await outbox.find_stale(LATER, 10) == []


async def test_of_many_that_are_stored_each_has_its_event_but_for_those_that_others_have_changed(
    fresh: Any,
) -> None:
    hints: list[UUID] = []
    posts, user_id = MongoPosts(fresh, lambda _, *subjects: hints.extend(subjects)), uuid4()
    written = [a_post(user_id=user_id) for _ in range(3)]
    for each in written:
        await posts.add(each)
    first, second, third = written
    await posts.save(second.updated(PostPatch(title="Note H"), LATER))
    hints.clear()
    await posts.save_many([each.deleted(LATER, with_owner=True) for each in written])
    untold = await MongoOutbox(fresh).load_pending(Kind.POST, [each.id for each in written])

    assert {event.id for each in untold for event in each.events} == {
        f"post.deleted/{first.id}/2",
        f"post.updated/{second.id}/2",
        f"post.deleted/{third.id}/2",
    }
    assert hints == [each.id for each in written]


async def test_lists_will_be_read_from_an_index(fresh: Any) -> None:
    for query, index in (({"user_id": uuid4(), "status": "active"}, "user"), ({"status": "active"}, "all")):
        plan = await fresh[POSTS].find(query).sort("id", -1).limit(20).explain()

        assert f"'indexName': '{index}'" in repr(plan["queryPlanner"]["winningPlan"])
        assert "'SORT'" not in repr(plan["queryPlanner"]["winningPlan"])


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    hints: list[UUID] = []
    client = open_mongo(f"mongodb://127.0.0.1:{closed_port()}/profiles")
    posts, post = MongoPosts(default_database(client), lambda _, *subjects: hints.extend(subjects)), a_post()
    outcomes = await asyncio.gather(
        posts.add(post),
        posts.get(post.id),
        posts.save(post),
        posts.of_user(post.user_id, PostSelection.ALL),
        posts.save_many([post]),
        return_exceptions=True,
    )
    await close_mongo(client)

    assert [type(each) for each in outcomes] == [DatabaseUnavailable] * 5
    assert hints == []
