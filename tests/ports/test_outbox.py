"""Events that wait in the documents of profiles, posts and sessions, through both drivers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from service import __version__
from service.app.outbox import Kind, PendingEvents
from service.domain.post import PostPatch
from service.domain.profile import ProfilePatch
from service.infrastructure.mongo import outbox as module
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.indexes import POSTS, PROFILES, SESSIONS
from service.infrastructure.mongo.outbox import Backlog, MongoOutbox
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, close_mongo, default_database, open_mongo
from service.pkg.trace_context import working_for
from tests.builders import NOON, a_post, a_profile, a_session
from tests.ports.conftest import closed_port, emptied

COLLECTIONS = {Kind.PROFILE: PROFILES, Kind.POST: POSTS, Kind.SESSION: SESSIONS}
LATER, LATEST = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)


@pytest_asyncio.fixture
async def fresh(client: AsyncMongoClient[Documents], spare_database: str) -> Any:
    """A database without anything in it but indexes."""
    return await emptied(client, spare_database)


async def a_told_profile(database: Any) -> UUID:
    """Store a profile with an event at noon and two one minute later."""
    profiles, profile = MongoProfiles(database), a_profile()
    await profiles.add(profile.with_created_event())
    await profiles.save(profile.deleted(LATER))
    return profile.id


async def a_told_post(database: Any) -> UUID:
    """Store a post with an event at noon and one a minute later."""
    posts, post = MongoPosts(database), a_post()
    await posts.add(post.with_created_event())
    await posts.save(post.deleted(LATER))
    return post.id


async def a_told_session(database: Any) -> UUID:
    """Store a session that ended at noon."""
    sessions, session = MongoSessions(database), a_session(expires_at=NOON + timedelta(days=36_500))
    await sessions.add(session)
    await sessions.end(session.user_id, "logout", NOON)
    return session.id


Make = Callable[[Any], Awaitable[UUID]]
THINGS: dict[Kind, tuple[Make, list[str]]] = {
    Kind.PROFILE: (
        a_told_profile,
        ["profile.created/{}/1", "profile.deleted/{}/2", "auth.session_revoked/{}/2"],
    ),
    Kind.POST: (a_told_post, ["post.created/{}/1", "post.deleted/{}/2"]),
    Kind.SESSION: (a_told_session, ["auth.session_revoked/{}/1"]),
}
each_kind = pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name.lower())


def ids(pending: PendingEvents) -> list[str]:
    return [each.id for each in pending.events]


@each_kind
async def test_events_come_back_in_order_and_are_forgotten_once_they_are_told(fresh: Any, kind: Kind) -> None:
    make, expected = THINGS[kind]
    subject, outbox = await make(fresh), MongoOutbox(fresh)
    other = await make(fresh)
    (pending,) = await outbox.load_pending(kind, [subject])

    assert ids(pending) == [each.format(subject) for each in expected]
    assert (pending.kind, pending.is_all, pending.unreadable) == (kind, True, [])

    await outbox.mark_published([pending])

    assert await outbox.load_pending(kind, [subject]) == []
    assert await outbox.find_stale(LATER, 9) == [(kind, other)]


@each_kind
async def test_an_event_comes_back_exactly(fresh: Any, kind: Kind) -> None:
    subject = await THINGS[kind][0](fresh)
    ((first, *_),) = [each.events for each in await MongoOutbox(fresh).load_pending(kind, [subject])]

    assert (first.subject, first.time, first.version) == (subject, NOON, 1)
    assert first.type == THINGS[kind][1][0].partition("/")[0]
    assert subject in (first.data.get("id"), *first.data.get("session_ids", []))


@each_kind
async def test_only_what_has_waited_long_enough_is_waiting(fresh: Any, kind: Kind) -> None:
    subject, outbox = await THINGS[kind][0](fresh), MongoOutbox(fresh)

    assert await outbox.find_stale(NOON - timedelta(milliseconds=1), 9) == []
    assert await outbox.find_stale(NOON, 9) == [(kind, subject)]


async def test_of_each_kind_so_many_are_waiting_as_were_asked_for(fresh: Any) -> None:
    made = {(kind, await make(fresh)) for kind, (make, _) in THINGS.items() for _ in range(3)}
    outbox = MongoOutbox(fresh)
    some = await outbox.find_stale(LATER, 2)

    assert [kind for kind, _ in some] == [kind for kind in Kind for _ in range(2)]
    assert set(some) < made == set(await outbox.find_stale(LATER, 9))


async def test_events_of_many_things_are_told_at_once(fresh: Any) -> None:
    made = {kind: [await make(fresh) for _ in range(2)] for kind, (make, _) in THINGS.items()}
    outbox = MongoOutbox(fresh)
    pending = [each for kind, subjects in made.items() for each in await outbox.load_pending(kind, subjects)]

    assert len(pending) == 6

    await outbox.mark_published(pending)

    assert await outbox.find_stale(LATEST, 9) == []


async def test_what_happens_while_others_are_told_is_not_forgotten(fresh: Any) -> None:
    posts, post, outbox = MongoPosts(fresh), a_post(), MongoOutbox(fresh)
    await posts.add(post.with_created_event())
    (pending,) = await outbox.load_pending(Kind.POST, [post.id])
    await posts.save(post.updated(PostPatch(title="Note H"), LATER))
    await outbox.mark_published([pending])
    (rest,) = await outbox.load_pending(Kind.POST, [post.id])

    assert ids(rest) == [f"post.updated/{post.id}/2"]
    assert await outbox.find_stale(NOON, 9) == []
    assert await outbox.find_stale(LATER, 9) == [(Kind.POST, post.id)]


async def test_of_events_that_were_told_in_part_the_rest_waits(fresh: Any) -> None:
    profiles, profile, outbox = MongoProfiles(fresh), a_profile(), MongoOutbox(fresh)
    await profiles.add(profile.with_created_event())
    for number in range(3):
        await profiles.save(profile := profile.updated(ProfilePatch(last_name=f"{number}"), LATER))
    (pending,) = await outbox.load_pending(Kind.PROFILE, [profile.id])
    for published, left in ((2, 2), (1, 2), (4, 0)):  # whoever is late takes nothing back
        await outbox.mark_published(
            [PendingEvents(pending.kind, pending.subject, pending.events[:published])]
        )

        waiting = [
            each for found in await outbox.load_pending(Kind.PROFILE, [profile.id]) for each in ids(found)
        ]
        assert waiting == ids(pending)[4 - left :]
    assert await profiles.get(profile.id) == profile


async def test_of_a_session_nothing_is_kept_once_its_end_was_told(fresh: Any) -> None:
    outbox = MongoOutbox(fresh)
    session_id, other = await a_told_session(fresh), await a_told_session(fresh)
    await outbox.mark_published(await outbox.load_pending(Kind.SESSION, [session_id]))

    assert [each["_id"] async for each in fresh[SESSIONS].find({})] == [other]


@each_kind
async def test_what_is_not_there_has_nothing_to_tell(fresh: Any, kind: Kind) -> None:
    outbox = MongoOutbox(fresh)

    assert await outbox.load_pending(kind, [uuid4()]) == await outbox.load_pending(kind, []) == []
    await outbox.mark_published([])
    assert await outbox.find_stale(LATEST, 9) == []


async def test_those_that_wait_are_found_by_an_index(fresh: Any) -> None:
    for collection in ("profiles", "posts", "sessions"):
        plan = await fresh[collection].find({"outbox.time": {"$lte": NOON, "$exists": True}}).explain()

        assert "'indexName': 'outbox'" in repr(plan["queryPlanner"]["winningPlan"])


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    client = open_mongo(f"mongodb://127.0.0.1:{closed_port()}/profiles")
    outbox, pending = (
        MongoOutbox(default_database(client)),
        PendingEvents(Kind.POST, uuid4(), a_post().with_created_event().events),
    )
    outcomes = await asyncio.gather(
        outbox.find_stale(NOON, 9),
        outbox.load_pending(Kind.POST, [uuid4()]),
        outbox.mark_published([pending]),
        return_exceptions=True,
    )
    await close_mongo(client)

    assert [type(each) for each in outcomes] == [DatabaseUnavailable] * 3


def poison(subject: UUID) -> dict[str, Any]:
    """Return entries of an outbox that this version of the service can't read, by what is wrong."""
    good = {"type": "post.updated", "subject": subject, "version": 7, "time": LATER, "data": {}}
    return {
        "a type of a newer version": {**good, "type": "post.renamed"},
        "no type": {name: value for name, value in good.items() if name != "type"},
        "a type that is no text": {**good, "type": {"name": "post.updated"}},
        "no version": {name: value for name, value in good.items() if name != "version"},
        "a subject that is none": {**good, "subject": "ada"},
        "data that are none": {**good, "data": None},
    }


@pytest.mark.parametrize("name", poison(uuid4()))
@each_kind
async def test_what_cannot_be_read_is_kept_and_keeps_nothing_back(fresh: Any, kind: Kind, name: str) -> None:
    make, expected = THINGS[kind]
    subject, outbox = await make(fresh), MongoOutbox(fresh)
    collection, key = (
        fresh[COLLECTIONS[kind]],
        ({"_id": subject} if kind is Kind.SESSION else {"id": subject}),
    )
    spoilt = poison(subject)[name]
    await collection.update_one(key, {"$push": {"outbox": {"$each": [spoilt], "$position": 0}}})
    (pending,) = await outbox.load_pending(kind, [subject])

    assert ids(pending) == [each.format(subject) for each in expected]
    assert pending.unreadable == [spoilt]

    await outbox.mark_published([pending])
    await outbox.hold([pending])
    kept = await collection.find_one(key)

    assert kept["outbox"] == [{**spoilt, "held_by": __version__}]
    assert await outbox.load_pending(kind, [subject]) == []
    assert await outbox.find_stale(LATEST, 9) == []


async def test_another_version_looks_at_what_this_one_could_not_read(
    fresh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, outbox = await a_told_post(fresh), MongoOutbox(fresh)
    spoilt = poison(subject)["a type of a newer version"]
    await fresh["posts"].update_one({"id": subject}, {"$push": {"outbox": spoilt}})
    found = await outbox.load_pending(Kind.POST, [subject])
    await outbox.mark_published(found)
    await outbox.hold(found)
    monkeypatch.setattr(module, "__version__", "99.0.0")

    assert await outbox.find_stale(LATEST, 9) == [(Kind.POST, subject)]
    (again,) = await outbox.load_pending(Kind.POST, [subject])
    assert again.unreadable == [{**spoilt, "held_by": __version__}]


async def test_a_field_of_a_newer_version_does_no_harm(fresh: Any) -> None:
    subject, outbox = await a_told_post(fresh), MongoOutbox(fresh)
    await fresh["posts"].update_one({"id": subject}, {"$set": {"outbox.0.trace": "00-1-2-03"}})
    (pending,) = await outbox.load_pending(Kind.POST, [subject])
    await outbox.mark_published([pending])

    assert ids(pending) == [each.format(subject) for each in THINGS[Kind.POST][1]]
    assert await outbox.load_pending(Kind.POST, [subject]) == []


async def test_of_two_events_of_one_version_only_that_is_forgotten_which_was_told(fresh: Any) -> None:
    subject, outbox = await a_told_profile(fresh), MongoOutbox(fresh)
    (pending,) = await outbox.load_pending(Kind.PROFILE, [subject])
    await outbox.mark_published([replace(pending, events=pending.events[:2])])
    (rest,) = await outbox.load_pending(Kind.PROFILE, [subject])

    assert ids(rest) == [f"auth.session_revoked/{subject}/2"]


async def test_the_backlog_is_all_that_is_pending_and_how_long_it_waits(fresh: Any) -> None:
    outbox = MongoOutbox(fresh)
    assert await outbox.backlog() == Backlog(0, None)

    for store in (a_told_profile, a_told_post, a_told_session):
        await store(fresh)
    backlog = await outbox.backlog()
    stored = [each for name in COLLECTIONS.values() for each in await fresh[name].find().to_list()]

    assert backlog == Backlog(sum(len(each["outbox"]) for each in stored), NOON)
    assert backlog.events >= len(COLLECTIONS)


async def test_an_event_keeps_the_trace_in_which_it_happened(fresh: Any) -> None:
    outbox, trace = (
        MongoOutbox(fresh),
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    )
    profiles, profile = MongoProfiles(fresh), a_profile()
    with working_for(trace):
        await profiles.add(profile.with_created_event())
    await profiles.save(profile.deleted(LATER))
    [pending] = await outbox.load_pending(Kind.PROFILE, [profile.id])

    assert [each.trace for each in pending.events] == [trace, {}, {}]
    await outbox.mark_published([pending])
    assert await outbox.load_pending(Kind.PROFILE, [profile.id]) == []
