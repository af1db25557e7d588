from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.app.auth.sessions import SessionVerdicts
from service.infrastructure.memory.verdicts import NoVerdicts
from service.infrastructure.redis.client import open_redis
from service.infrastructure.redis.verdicts import RedisVerdicts
from tests.fakes.sessions import FakeVerdicts
from tests.ports.conftest import closed_port
from tools.servers.sandbox import Sandbox

LIFETIME = timedelta(minutes=10)


@pytest_asyncio.fixture
async def redis(sandbox: Sandbox) -> AsyncIterator[Redis]:
    client = open_redis(sandbox.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_verdicts(redis: Redis) -> SessionVerdicts:
    return RedisVerdicts(redis, LIFETIME)


@pytest.fixture
def fake_verdicts() -> SessionVerdicts:
    return FakeVerdicts()


@pytest.fixture(params=["fake", "redis"])
def verdicts(request: pytest.FixtureRequest) -> SessionVerdicts:
    chosen: SessionVerdicts = request.getfixturevalue(f"{request.param}_verdicts")
    return chosen


async def test_what_was_not_noted_is_not_known(verdicts: SessionVerdicts) -> None:
    assert await verdicts.get(uuid4()) is None


async def test_what_was_noted_is_known(verdicts: SessionVerdicts) -> None:
    alive, *ended = (uuid4() for _ in range(3))
    await verdicts.note_alive(alive)
    await verdicts.note_ended(ended)

    assert [await verdicts.get(each) for each in (alive, *ended)] == [True, False, False]


async def test_an_end_beats_a_life_whichever_comes_first(verdicts: SessionVerdicts) -> None:
    one, other = uuid4(), uuid4()
    await verdicts.note_alive(one)
    await verdicts.note_ended([one, other])
    await verdicts.note_alive(other)

    assert (await verdicts.get(one), await verdicts.get(other)) == (False, False)


async def test_no_end_is_no_note(verdicts: SessionVerdicts) -> None:
    await verdicts.note_ended([])

    assert await verdicts.get(uuid4()) is None


async def test_a_life_is_forgotten_within_a_second_and_an_end_outlives_tokens(redis: Redis) -> None:
    verdicts, alive, ended = RedisVerdicts(redis, LIFETIME), uuid4(), uuid4()
    await verdicts.note_alive(alive)
    await verdicts.note_ended([ended])

    assert 0 < await redis.pttl(f"session:{alive.hex}") < 1_000
    assert await redis.ttl(f"session:{ended.hex}") > LIFETIME.total_seconds()


async def test_a_flushed_redis_knows_nothing(redis: Redis) -> None:
    verdicts, session = RedisVerdicts(redis, LIFETIME), uuid4()
    await verdicts.note_ended([session])
    await redis.delete(f"session:{session.hex}")

    assert await verdicts.get(session) is None


async def test_without_redis_nothing_is_known_and_nothing_fails() -> None:
    redis = open_redis(f"redis://127.0.0.1:{closed_port()}/0")
    verdicts, session = RedisVerdicts(redis, LIFETIME), uuid4()
    await verdicts.note_alive(session)
    await verdicts.note_ended([session])

    assert await verdicts.get(session) is None
    await redis.aclose()


async def test_a_single_worker_remembers_nothing() -> None:
    verdicts, session = NoVerdicts(), uuid4()
    await verdicts.note_alive(session)
    await verdicts.note_ended([session])

    assert await verdicts.get(session) is None
