import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from service.app.auth.sessions import SessionStatusCache
from service.infrastructure.memory.session_status_cache import NullSessionCache
from service.infrastructure.redis.client import open_redis
from service.infrastructure.redis.session_status_cache import RedisSessionStatusCache
from tests.fakes.sessions import FakeSessionStatusCache
from tests.ports.conftest import closed_port
from tools.servers.sandbox import Sandbox

LIFETIME = timedelta(minutes=10)


@pytest_asyncio.fixture
async def redis(sandbox: Sandbox) -> AsyncIterator[Redis]:
    client = open_redis(sandbox.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_verdicts(redis: Redis) -> SessionStatusCache:
    return RedisSessionStatusCache(redis, LIFETIME)


@pytest.fixture
def fake_verdicts() -> SessionStatusCache:
    return FakeSessionStatusCache()


@pytest.fixture(params=["fake", "redis"])
def session_cache(request: pytest.FixtureRequest) -> SessionStatusCache:
    chosen: SessionStatusCache = request.getfixturevalue(f"{request.param}_verdicts")
    return chosen


async def test_what_was_not_noted_is_not_known(session_cache: SessionStatusCache) -> None:
    assert await session_cache.get(uuid4()) is None


async def test_what_was_noted_is_known(session_cache: SessionStatusCache) -> None:
    alive, *ended = (uuid4() for _ in range(3))
    await session_cache.mark_alive(alive)
    await session_cache.mark_ended(ended)

    assert [await session_cache.get(each) for each in (alive, *ended)] == [True, False, False]


async def test_an_end_beats_a_life_whichever_comes_first(session_cache: SessionStatusCache) -> None:
    one, other = uuid4(), uuid4()
    await session_cache.mark_alive(one)
    await session_cache.mark_ended([one, other])
    await session_cache.mark_alive(other)

    assert (await session_cache.get(one), await session_cache.get(other)) == (False, False)


async def test_no_end_is_no_note(session_cache: SessionStatusCache) -> None:
    await session_cache.mark_ended([])

    assert await session_cache.get(uuid4()) is None


async def test_a_life_is_forgotten_within_a_second_and_an_end_outlives_tokens(redis: Redis) -> None:
    session_cache, alive, ended = RedisSessionStatusCache(redis, LIFETIME), uuid4(), uuid4()
    await session_cache.mark_alive(alive)
    await session_cache.mark_ended([ended])

    assert 0 < await redis.pttl(f"session:{alive.hex}") < 1_000
    assert await redis.ttl(f"session:{ended.hex}") > LIFETIME.total_seconds()


async def test_a_flushed_redis_knows_nothing(redis: Redis) -> None:
    session_cache, session = RedisSessionStatusCache(redis, LIFETIME), uuid4()
    await session_cache.mark_ended([session])
    await redis.delete(f"session:{session.hex}")

    assert await session_cache.get(session) is None


async def test_without_redis_nothing_is_known_and_nothing_fails() -> None:
    redis = open_redis(f"redis://127.0.0.1:{closed_port()}/0")
    session_cache, session = RedisSessionStatusCache(redis, LIFETIME), uuid4()
    await session_cache.mark_alive(session)
    await session_cache.mark_ended([session])

    assert await session_cache.get(session) is None
    await redis.aclose()


async def test_a_single_worker_remembers_nothing() -> None:
    session_cache, session = NullSessionCache(), uuid4()
    await session_cache.mark_alive(session)
    await session_cache.mark_ended([session])

    assert await session_cache.get(session) is None


async def test_what_is_asked_at_once_is_one_question(redis: Redis) -> None:
    cache = RedisSessionStatusCache(redis, LIFETIME)
    alive, ended, unknown = (uuid4() for _ in range(3))
    await cache.mark_alive(alive)
    await cache.mark_ended([ended])
    before = (await redis.info("commandstats")).get("cmdstat_mget", {"calls": 0})["calls"]
    found = await asyncio.gather(*map(cache.get, [alive, ended, unknown] * 20))
    after = (await redis.info("commandstats"))["cmdstat_mget"]["calls"]

    assert found == [True, False, None] * 20
    assert after - before <= 2  # other tests may ask, too


async def test_an_end_is_seen_by_whoever_asks_after_it(redis: Redis) -> None:
    """Though others are asking all the time."""
    cache = RedisSessionStatusCache(redis, LIFETIME)
    session = uuid4()
    await cache.mark_alive(session)
    asking = [asyncio.create_task(cache.get(session)) for _ in range(100)]
    await cache.mark_ended([session])

    assert await cache.get(session) is False
    assert set(await asyncio.gather(*asking)) <= {True, False}
