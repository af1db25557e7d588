"""Opens Redis with timeouts that suit a cache: redis-py's own would keep a request for a minute."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from service.pkg.detached import DetachedCalls

# Of this process, like those of MongoDB.
CALLS: Final = DetachedCalls("redis")


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
