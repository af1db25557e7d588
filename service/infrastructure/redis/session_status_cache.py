"""Which sessions are alive, shared by all workers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.app.auth.sessions import SessionStatusCache
from service.infrastructure.redis.client import CALLS
from service.pkg.batched_reads import BatchedReads
from service.pkg.detached import TooManyAbandoned

# Below a second, so that a revocation is seen in time even where Redis missed it.
ALIVE: Final = timedelta(milliseconds=800)
_YES, _NO = b"1", b"0"

_log = structlog.get_logger("profile.redis")


class RedisSessionStatusCache(SessionStatusCache):
    """Keeps it in Redis. Without Redis it knows nothing, and every question goes to MongoDB.

    Args:
        lifetime: Of access tokens: a mark that a session has ended outlives them.

    """

    def __init__(self, redis: Redis, lifetime: timedelta) -> None:
        self._redis = redis
        self._ended = lifetime + timedelta(minutes=1)
        self._statuses = BatchedReads[UUID, bytes | str](self._load)

    async def get(self, session_id: UUID) -> bool | None:
        """Return whether the session is alive, or `None` if that is not known."""
        try:
            value = await self._statuses.get(session_id)
        except (RedisError, TooManyAbandoned) as error:
            _degraded(error)
            return None
        return None if value is None else value == _YES

    async def _load(self, session_ids: Sequence[UUID]) -> dict[UUID, bytes | str]:
        values = await CALLS.run(self._redis.mget([_key(each) for each in session_ids]))
        return {id_: value for id_, value in zip(session_ids, values, strict=True) if value is not None}

    async def mark_alive(self, session_id: UUID) -> None:
        """Remember for less than a second that it is alive, unless it is known that it has ended."""
        try:
            await CALLS.run(self._redis.set(_key(session_id), _YES, px=ALIVE, nx=True))
        except (RedisError, TooManyAbandoned) as error:
            _degraded(error)

    async def mark_ended(self, session_ids: Sequence[UUID]) -> None:
        """Remember that these have ended, for longer than any access token lives."""
        try:
            await CALLS.run(self._mark_ended(session_ids))
        except (RedisError, TooManyAbandoned) as error:
            _degraded(error)

    async def _mark_ended(self, session_ids: Sequence[UUID]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.set(_key(session_id), _NO, ex=self._ended)
            await pipeline.execute()


def _key(session_id: UUID) -> str:
    return f"session:{session_id.hex}"


def _degraded(error: Exception) -> None:
    _log.warning("redis unavailable", error_type=type(error).__name__)
