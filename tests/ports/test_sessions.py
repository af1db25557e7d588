import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from service.domain.session import Origin, RefreshConflict, SessionRepository
from service.infrastructure.mongo.indexes import SESSIONS
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_session
from tests.fakes.sessions import FakeSessions

LATER = NOON + timedelta(days=36_500)  # far from now, or MongoDB would remove them in the middle of a test


@pytest.fixture
def fake_sessions() -> SessionRepository:
    return FakeSessions()


@pytest.fixture
def pymongo_sessions(pymongo_client: AsyncMongoClient[Documents]) -> SessionRepository:
    return MongoSessions(default_database(pymongo_client))


@pytest.fixture
def motor_sessions(motor_client: AsyncMongoClient[Documents]) -> SessionRepository:
    return MongoSessions(default_database(motor_client))


@pytest.fixture(params=["fake", "pymongo", "motor"])
def sessions(request: pytest.FixtureRequest) -> SessionRepository:
    """A repository; what other tests stored in it is in nobody's way."""
    chosen: SessionRepository = request.getfixturevalue(f"{request.param}_sessions")
    return chosen


async def test_what_is_stored_comes_back_exactly(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    known = a_session(origin=Origin("192.0.2.7/32", "Mozilla/5.0"))
    for each in (session, known):
        await sessions.add(each)

        assert await sessions.find(each.id) == each


async def test_what_was_never_stored_is_not_there(sessions: SessionRepository) -> None:
    assert await sessions.find(uuid4()) is None


async def test_a_session_is_stored_over_the_step_before_it(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)
    after = session.refreshed(0, NOON + timedelta(hours=1))
    await sessions.save(after)

    assert await sessions.find(session.id) == after


async def test_the_second_of_two_refreshes_hears_that_it_was_second(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)
    moves = [session.refreshed(0, NOON + timedelta(minutes=each)) for each in range(5)]
    outcomes = await asyncio.gather(*(sessions.save(each) for each in moves), return_exceptions=True)

    assert [type(each) for each in outcomes if each is not None] == [RefreshConflict] * 4
    assert await sessions.find(session.id) == moves[outcomes.index(None)]


async def test_an_ended_session_is_not_saved_back_to_life(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)
    await sessions.end(session.user_id, "logout", NOON)

    with pytest.raises(RefreshConflict):
        await sessions.save(session.refreshed(0, NOON))
    assert await sessions.find(session.id) is None


@pytest.mark.parametrize(
    ("which", "survivors"),
    [({}, []), ({"session_id": 0}, [1, 2]), ({"except_id": 0}, [0])],
    ids=["all", "one", "others"],
)
async def test_chosen_sessions_of_a_user_end(
    sessions: SessionRepository, which: dict[str, int], survivors: list[int]
) -> None:
    user_id, other = uuid4(), a_session(expires_at=LATER)
    mine = [a_session(user_id, expires_at=LATER) for _ in range(3)]
    for each in [*mine, other]:
        await sessions.add(each)
    chosen: dict[str, Any] = {name: mine[place].id for name, place in which.items()}
    ended = await sessions.end(user_id, "logout", NOON, **chosen)
    left = [each for each in mine if await sessions.find(each.id)]

    assert left == [mine[place] for place in survivors]
    assert set(ended) == {each.id for each in mine if each not in left}
    assert await sessions.find(other.id) == other


async def test_no_more_end_at_once_than_are_asked_for(sessions: SessionRepository) -> None:
    user_id = uuid4()
    for _ in range(3):
        await sessions.add(a_session(user_id, expires_at=LATER))

    for ended, left in ((2, 1), (1, 0), (0, 0)):
        assert len(await sessions.end(user_id, "logout", NOON, limit=2)) == ended
        assert len(await sessions.of_user(user_id)) == left


async def test_a_session_of_another_user_is_not_ended(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)

    assert list(await sessions.end(uuid4(), "logout", NOON, session_id=session.id)) == []
    assert await sessions.find(session.id) == session


async def test_sessions_from_before_a_version_are_discarded(sessions: SessionRepository) -> None:
    user_id, other = uuid4(), a_session(expires_at=LATER)
    old, new = (a_session(user_id, expires_at=LATER, sessions_version=each) for each in (1, 2))
    for each in (old, new, other):
        await sessions.add(each)

    assert list(await sessions.discard(user_id, before=2)) == [old.id]
    assert [await sessions.find(each.id) for each in (old, new, other)] == [None, new, other]


async def test_one_session_is_removed_and_no_other(sessions: SessionRepository) -> None:
    user_id = uuid4()
    one, other = (a_session(user_id, expires_at=LATER) for _ in range(2))
    for each in (one, other):
        await sessions.add(each)
    await sessions.remove(one.id)
    await sessions.remove(one.id)

    assert [await sessions.find(each.id) for each in (one, other)] == [None, other]


async def test_the_sessions_of_a_user_are_those_that_have_not_ended(sessions: SessionRepository) -> None:
    user_id, other = uuid4(), a_session(expires_at=LATER)
    first, second, ended = (a_session(user_id, expires_at=LATER) for _ in range(3))
    for each in (first, second, ended, other):
        await sessions.add(each)
    await sessions.end(user_id, "logout", NOON, session_id=ended.id)

    found = await sessions.of_user(user_id)
    assert sorted(found, key=lambda each: each.id) == sorted([first, second], key=lambda each: each.id)
    assert list(await sessions.of_user(uuid4())) == []


async def test_a_session_that_the_version_before_has_stored_is_read(
    client: AsyncMongoClient[Documents],
) -> None:
    session = a_session(generation=3, expires_at=LATER)
    stored = {
        "_id": session.id,
        "user_id": session.user_id,
        "sessions_version": 1,
        "step": 3,
        "moved_by": "m-1",
        "moved_at": NOON,
        "created_at": NOON,
        "expires_at": session.expires_at,
    }
    await default_database(client)[SESSIONS].insert_one(stored)

    assert await MongoSessions(default_database(client)).find(session.id) == session


async def test_a_code_is_noted_in_its_session_and_in_no_other(sessions: SessionRepository) -> None:
    mine, other = a_session(expires_at=LATER), a_session(expires_at=LATER, with_code=True)
    for each in (mine, other):
        await sessions.add(each)
    await sessions.note_code(mine.id)
    await sessions.note_code(uuid4())

    assert await sessions.find(mine.id) == replace(mine, with_code=True)
    assert await sessions.find(other.id) == other


async def test_a_refresh_that_was_under_way_does_not_lose_a_code(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)
    after = session.refreshed(0, NOON + timedelta(hours=1))
    await sessions.note_code(session.id)
    await sessions.save(after)

    assert await sessions.find(session.id) == replace(after, with_code=True)


async def test_a_code_brings_no_session_back(sessions: SessionRepository) -> None:
    session = a_session(expires_at=LATER)
    await sessions.add(session)
    await sessions.end(session.user_id, "logout", NOON)
    await sessions.note_code(session.id)

    assert await sessions.find(session.id) is None


async def test_a_session_is_confirmed_at_the_generation_at_which_it_is_stored(
    sessions: SessionRepository,
) -> None:
    await sessions.add(session := a_session())
    await sessions.confirm(session)
    await sessions.save(after := replace(session, generation=1))
    await sessions.confirm(after)

    for each in (session, a_session()):
        with pytest.raises(RefreshConflict):
            await sessions.confirm(each)
