"""Opens Redis with timeouts that suit a cache: redis-py's own would keep a request for a minute."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.infrastructure.redis.errors import RedisUrlInvalid
from service.pkg.detached import DetachedCalls, TooManyAbandoned
from service.pkg.url_passwords import require_encoded

# Of this process, like those of MongoDB.
CALLS: Final = DetachedCalls("redis")
# What Python says of an option that there is none of for this kind of address; from 3.13 on with a proposal.
_NO_OPTION: Final = re.compile(r"unexpected keyword argument '([^']*)'")
# How a call fails where Redis is away, hangs, or refuses.
OUTAGES: Final = (RedisError, TooManyAbandoned)

_log = structlog.get_logger("profile.redis")


def open_redis(url: str) -> Redis:
    """Return a client; it connects when it is first used.

    Raises:
        RedisUrlInvalid

    """
    try:
        client = Redis.from_url(
            url,
            socket_timeout=0.25,
            socket_connect_timeout=0.25,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=30,
            client_name="profile-service",
        )
        # Only this looks at options. It connects to nothing, and belongs to no pool.
        pool: Any = client.connection_pool
        pool.make_connection()
    except (AttributeError, RedisError, TypeError, ValueError) as error:
        raise RedisUrlInvalid(f"REDIS_URL: {_why(url, error)}") from None
    return client


def _why(url: str, error: Exception) -> str:
    try:
        require_encoded(url)
    except ValueError as not_encoded:  # so the name of an option may be a part of the password
        return str(not_encoded)
    if found := _NO_OPTION.search(str(error)):
        return f"there is no option {found[1]} for such an address"
    if isinstance(error, AttributeError | TypeError):  # of a value that is no text
        return "it has an option that no address can hold"
    return str(error)


@contextmanager
def tolerating_outages() -> Iterator[None]:
    """Log that Redis is away, and go on after the block without it."""
    try:
        yield
    except OUTAGES as error:
        _log.warning("redis unavailable", error_type=type(error).__name__)
