"""Which sessions are alive, shared by all workers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from service.app.auth.sessions import SessionStatusCache
from service.infrastructure.redis.client import CALLS, tolerating_outages
from service.pkg.batched_reads import BatchedReads

# Below a second, so that a revocation is seen in time even where Redis missed it.
ALIVE: Final = timedelta(milliseconds=800)
_YES, _NO = b"1", b"0"


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
        with tolerating_outages():
            value = await self._statuses.get(session_id)
            return None if value is None else value == _YES
        return None

    async def _load(self, session_ids: Sequence[UUID]) -> dict[UUID, bytes | str]:
        values = await CALLS.run(self._redis.mget([_key(each) for each in session_ids]))
        return {id_: value for id_, value in zip(session_ids, values, strict=True) if value is not None}

    async def mark_alive(self, session_id: UUID) -> None:
        """Remember for less than a second that it is alive, unless it is known that it has ended."""
        with tolerating_outages():
            await CALLS.run(self._redis.set(_key(session_id), _YES, px=ALIVE, nx=True))

    async def mark_ended(self, session_ids: Sequence[UUID]) -> None:
        """Remember that these have ended, for longer than any access token lives."""
        with tolerating_outages():
            await CALLS.run(self._mark_ended(session_ids))

    async def _mark_ended(self, session_ids: Sequence[UUID]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.set(_key(session_id), _NO, ex=self._ended)
            await pipeline.execute()


def _key(session_id: UUID) -> str:
    return f"session:{session_id.hex}"
