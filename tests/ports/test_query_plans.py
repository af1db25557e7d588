"""Every query of the service is answered from an index, whatever the collections grow to."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest_asyncio
from pymongo import AsyncMongoClient

from service.app.ids import new_id
from service.app.outbox import Kind
from service.domain.email import Email
from service.domain.idempotency import FormerKey, IdempotencyKey
from service.domain.post import PostPatch, PostSelection
from service.domain.profile import Profile, ProfileFilter, ProfilePatch, Role, Status
from service.domain.totp import Totp
from service.infrastructure.mongo.indexes import INDEXES, PROFILES, ensure_indexes
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_post, a_profile, a_session

_ROOM_FOR_NOTES = 64 * 1024 * 1024
COMMAND = IdempotencyKey(
    b"m-1", b"digest", FormerKey("m-1", lambda: (b"former",)), (IdempotencyKey(b"m-2", b"other"),)
)
LATER = NOON + timedelta(milliseconds=1)
# By what a collection would be sharded, hashed.
SHARD_KEYS = {"profiles": "id", "posts": "id", "sessions": "_id"}
# Queries that do not name it: collection and fields, and what they are for.
OF_ALL_SHARDS: dict[tuple[str, ...], str] = {
    ("profiles", "email_key"): "log in; taken addresses",
    ("profiles", "deleted_email_key"): "profile.find",
    ("profiles", "role", "status"): "profile.list",
    ("profiles", "role", "status", "id"): "profile.list",
    ("profiles", "role", "status", "email_key"): "profile.list",
    ("profiles", "status", "deleted_at"): "retention",
    ("posts", "status"): "post.list",
    ("posts", "status", "id"): "post.list",
    ("posts", "status", "user_id"): "post.list",
    ("posts", "status", "user_id", "id"): "post.list",
    ("posts", "status", "deleted_at", "deleted_with_owner"): "retention",
    ("posts", "user_id", "status"): "cascade",
    ("posts", "user_id", "status", "id"): "cascade",
    ("posts", "user_id", "status", "deleted_with_owner"): "cascade",
    ("posts", "user_id", "status", "id", "deleted_with_owner"): "cascade",
    ("sessions", "user_id", "ended_at"): "sessions of a user",
    ("sessions", "user_id", "ended_at", "_id"): "sessions of a user",
    ("sessions", "user_id", "sessions_version", "ended_at"): "sessions of a user",
    **{(each, "created_by.id"): "a creation that is repeated" for each in ("profiles", "posts")},
    **{(each, "outbox.time"): "backlog" for each in ("profiles", "posts", "sessions")},
    **{(each, "outbox.time", "outbox"): "relay" for each in ("profiles", "posts", "sessions")},
}
FILTERS = [
    ProfileFilter(status=status, role=role, email_prefix=prefix)
    for status in (None, Status.ACTIVE, Status.SUSPENDED)
    for role in (None, *Role)
    for prefix in (None, "user1")
]


class Watched:
    """Passes calls on to *watched*, and notes which methods they were."""

    def __init__(self, watched: Any) -> None:
        self._watched = watched
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._watched, name)


def methods(kind: type) -> set[str]:
    """Return the names of the public methods of *kind*."""
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def some_profiles() -> list[Profile]:
    """Return profiles of every status and role, most of them as usual."""
    return [
        a_profile(
            id=new_id(NOON + timedelta(seconds=each)),
            email=Email.parse(f"user{each}@example.org"),
            role=Role.ADMIN if each % 50 == 0 else Role.USER,
            status=Status.SUSPENDED if each % 20 == 0 else Status.ACTIVE,
        )
        for each in range(300)
    ]


async def use_commands(things: Any, thing: Any) -> None:
    """Do everything that can be done with the commands of a thing."""
    await things.add(thing)
    assert (await things.find_created_by(COMMAND)).aggregate.id == thing.id
    await things.record_processed(thing)
    assert (await things.find_processed(thing.id, COMMAND)).aggregate.id == thing.id


async def use_profiles(database: Any) -> Watched:
    """Do everything that can be done with profiles."""
    profiles: Any = Watched(MongoProfiles(database))
    ada = replace(a_profile(role=Role.ADMIN), oid=profiles.next_oid()).with_created_event()
    await profiles.add(ada)
    assert await profiles.get(ada.id) == ada == await profiles.find_by_email(ada.email)
    await profiles.replace_hash(ada, "another")
    bob = replace(a_profile(totp=Totp(b"sealed", 1, (b"first",))), oid=profiles.next_oid())
    await profiles.add(bob)
    assert await profiles.use_totp_step(bob, 2)
    assert await profiles.use_recovery_code(bob, b"first")
    await profiles.replace_totp_secret(bob, b"anew")
    await profiles.save(changed := ada.updated(ProfilePatch(last_name="King"), LATER))
    await profiles.save(changed.deleted(LATER), require_other_admin=True)
    assert (await profiles.get_including_deleted(ada.id)).version == 3
    assert [each.id for each in await profiles.deleted_before(LATER, 10)] == [ada.id]
    assert (await profiles.find_deleted_by_email(ada.email)).id == ada.id
    many = [replace(a_profile(), oid=profiles.next_oid()) for _ in range(2)]
    assert await profiles.add_many(many) == [None, None]
    assert await profiles.find_taken([each.email for each in (*many, a_profile())]) == {
        each.email.key for each in many
    }
    boss, bea = (replace(a_profile(role=Role.ADMIN), oid=profiles.next_oid()) for _ in range(2))
    await profiles.add(boss)
    await profiles.add(bea, authorized_by=boss)
    await profiles.save(bea.updated(ProfilePatch(last_name="King"), LATER), authorized_by=boss)
    await profiles.count_logout(boss.id)
    await use_commands(profiles, replace(a_profile(), idempotency_key=COMMAND))
    for filters in FILTERS:
        everything = await profiles.list(filters, None, 1000)
        for after in (None, filters.position(everything[len(everything) // 2])):
            await profiles.list(filters, after, 3)
            await profiles.list(filters, after, 101)
    return profiles  # type: ignore[no-any-return]


async def use_sessions(database: Any) -> Watched:
    """Do everything that can be done with sessions."""
    sessions: Any = Watched(MongoSessions(database))
    user = uuid4()
    first, second, third = (a_session(user) for _ in range(3))
    for each in (first, second, third, *(a_session() for _ in range(300))):
        await sessions.add(each)
    assert await sessions.find(first.id) == first
    await sessions.save(moved := replace(first, generation=first.generation + 1))
    await sessions.confirm(moved)
    await sessions.note_code(first.id)
    assert await sessions.end(user, "logout", NOON, session_id=first.id) == [first.id]
    assert await sessions.end(user, "logout", NOON, except_id=second.id) == [third.id]
    assert await sessions.of_user(user) == [second]
    await sessions.remove(first.id)
    assert await sessions.discard(user, 2) == [second.id]
    await sessions.end(user, "logout", NOON)
    await MongoProfiles(database).add(boss := a_profile())
    assert await sessions.end(user, "logout", NOON, authorized_by=boss) == []
    return sessions  # type: ignore[no-any-return]


async def use_posts(database: Any) -> Watched:
    """Do everything that can be done with posts."""
    posts: Any = Watched(MongoPosts(database))
    user = uuid4()
    for _ in range(300):
        await posts.add(a_post())
    mine = [replace(a_post(user_id=user), oid=posts.next_oid()).with_created_event() for _ in range(30)]
    for each in mine:
        await posts.add(each)
    assert await posts.get(mine[0].id) == mine[0]
    await posts.save(mine[0].updated(PostPatch(title="Note H"), LATER))
    await posts.save_many([each.deleted(LATER, with_owner=True) for each in mine[1:5]])
    for whose in (user, None):
        everything = await posts.list(whose, None, 1000)
        await posts.list(whose, str(everything[len(everything) // 2].id), 3)
    for each in mine[6:20]:
        await posts.save(each.deleted(LATER))
    for which in PostSelection:
        await posts.of_user(user, which, 3)
        await posts.of_user(user, which, 3, after=str(mine[3].id))
    assert (await posts.get_including_deleted(mine[6].id)).version == 2
    assert mine[6].id in {each.id for each in await posts.deleted_before(LATER, 1000)}
    assert len(await posts.of_user(user, PostSelection.ALL)) == len(mine)
    await MongoProfiles(database).add(boss := a_profile())
    await posts.add(last := replace(a_post(), oid=posts.next_oid()), authorized_by=boss)
    await posts.save(last.deleted(LATER), authorized_by=boss)
    await use_commands(posts, replace(a_post(), idempotency_key=COMMAND))
    return posts  # type: ignore[no-any-return]


async def use_outbox(database: Any) -> Watched:
    """Tell the world all that waits, of every kind."""
    outbox: Any = Watched(MongoOutbox(database))
    waiting = await outbox.find_stale(LATER, 1000)
    assert {kind for kind, _ in waiting} == set(Kind)
    assert (await outbox.backlog()).events >= len(waiting)
    strange = {"type": "profile.renamed", "version": 1, "time": NOON}
    profile = next(subject for kind, subject in waiting if kind is Kind.PROFILE)
    await database["profiles"].update_one({"id": profile}, {"$push": {"outbox": strange}})
    for kind in Kind:
        found = await outbox.load_pending(kind, [subject for each, subject in waiting if each is kind])
        await outbox.hold([each for each in found if each.unreadable])
        await outbox.mark_published(
            await outbox.load_pending(kind, [subject for each, subject in waiting if each is kind])
        )
    assert await outbox.find_stale(LATER, 10) == []
    return outbox  # type: ignore[no-any-return]


# In this order: the last one tells what happened in the others.
USES: dict[type, Callable[[Any], Awaitable[Watched]]] = {
    MongoProfiles: use_profiles,
    MongoSessions: use_sessions,
    MongoPosts: use_posts,
    MongoOutbox: use_outbox,
}


@pytest_asyncio.fixture(scope="module")
async def profiled(
    pymongo_client: AsyncMongoClient[Documents],
) -> AsyncIterator[tuple[dict[type, set[str]], list[Documents]]]:
    """What was called, and what MongoDB noted of each operation that this led to."""
    database = pymongo_client.get_database(f"{default_database(pymongo_client).name}-{uuid4().hex[:8]}")
    await ensure_indexes(database)
    for each in some_profiles():
        await MongoProfiles(database).add(each)
    # By itself it has room for a megabyte, and the first notes make way for the last ones.
    await database.create_collection("system.profile", capped=True, size=_ROOM_FOR_NOTES)
    await database.command("profile", 2)
    called = {kind: (await use(database)).called for kind, use in USES.items()}
    await database.command("profile", 0)
    notes = await database["system.profile"].find({"planSummary": {"$exists": True}}).to_list()
    yield called, [each | {"collection": each["ns"].partition(".")[2]} for each in notes]
    await pymongo_client.drop_database(database.name)


Profiled = tuple[dict[type, set[str]], list[Documents]]


def summary(note: Documents) -> tuple[Any, ...]:
    """Return what tells one operation from others."""
    return (note["collection"], note["op"], note["planSummary"], note.get("docsExamined"), note["command"])


def test_no_query_of_the_service_is_left_out(profiled: Profiled) -> None:
    called, _ = profiled

    assert called == {kind: methods(kind) for kind in USES}


def test_mongodb_was_asked_for_everything(profiled: Profiled) -> None:
    _, notes = profiled
    seen = {(note["collection"], note["op"]) for note in notes if note["collection"] in INDEXES}

    # Sessions go by a removal, and everything else by an update.
    assert seen >= {(each, op) for each in INDEXES for op in ("query", "update")}
    assert len(notes) > 100


def test_every_query_is_answered_from_an_index_and_sorts_nothing(profiled: Profiled) -> None:
    _, notes = profiled
    # A collection that is not there has nothing to look at.
    slow = [note for note in notes if not note["planSummary"].startswith(("IXSCAN", "IDHACK", "EOF"))]

    assert [summary(note) for note in slow if note["collection"] != "system.profile"] == []
    assert [summary(note) for note in notes if note.get("hasSortStage")] == []


def test_no_more_is_looked_at_than_may_be_answered(profiled: Profiled) -> None:
    _, notes = profiled
    limited = [note for note in notes if note["command"].get("limit")]

    assert [summary(note) for note in limited if note["docsExamined"] > note["command"]["limit"]] == []
    assert len([note for note in limited if note["collection"] == PROFILES]) > len(FILTERS)


def test_a_list_is_read_from_one_end_whatever_is_filtered(profiled: Profiled) -> None:
    _, notes = profiled
    lists = [note for note in notes if "role" in note["command"].get("filter", {})]

    assert {note["command"]["limit"] for note in lists} == {3, 101, 1000}
    # One more key for each role and status: where each of these lists begins.
    most = len(Role) * 2
    assert [summary(note) for note in lists if note["keysExamined"] > note["nreturned"] + most] == []


def names_the_shard_key(note: Documents) -> bool:
    """Return whether MongoDB knows from an operation which shards have what it is about."""
    wanted = (note["command"].get("q") or note["command"]["filter"]).get(SHARD_KEYS[note["collection"]])
    return wanted is not None and (not isinstance(wanted, Mapping) or set(wanted) <= {"$eq", "$in"})


def test_every_write_names_the_shard_key(profiled: Profiled) -> None:
    """`docs/capacity.md` says so (MongoDB's manual, "mongos": targeted and broadcast operations)."""
    _, notes = profiled
    writes = [note for note in notes if note["op"] in {"update", "remove"} and note["collection"] in INDEXES]
    to_all = [note for note in writes if not names_the_shard_key(note)]

    assert len(writes) > len(INDEXES)
    # An administrator who leaves writes to some other one, whoever that is.
    assert {tuple(note["command"]["q"]) for note in to_all} == {("role", "status", "id")}


def test_what_is_asked_of_all_shards_is_known(profiled: Profiled) -> None:
    _, notes = profiled
    reads = [note for note in notes if note["op"] == "query" and note["collection"] in INDEXES]
    to_all = [note for note in reads if not names_the_shard_key(note)]

    assert {(note["collection"], *note["command"]["filter"]) for note in to_all} == set(OF_ALL_SHARDS)
