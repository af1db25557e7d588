"""Opens Redis with timeouts that suit a cache: redis-py's own would keep a request for a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.pkg.detached import DetachedCalls, TooManyAbandoned

# Of this process, like those of MongoDB.
CALLS: Final = DetachedCalls("redis")
# How a call fails where Redis is away, hangs, or refuses.
OUTAGES: Final = (RedisError, TooManyAbandoned)

_log = structlog.get_logger("profile.redis")


def open_redis(url: str) -> Redis:
    """Return a client; it connects when it is first used."""
    return Redis.from_url(
        url,
        socket_timeout=0.25,
        socket_connect_timeout=0.25,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
        client_name="profile-service",
    )


@contextmanager
def tolerating_outages() -> Iterator[None]:
    """Log that Redis is away, and go on after the block without it."""
    try:
        yield
    except OUTAGES as error:
        _log.warning("redis unavailable", error_type=type(error).__name__)
