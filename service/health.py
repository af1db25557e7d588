"""What a worker says of itself to whoever decides where to send work, and whether to start it anew."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from service.draining import Drain
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.pkg.probes import Questions

# What is wrong with a part, or nothing.
Check = Callable[[], Awaitable[str | None]]

_OK: Final = "ok"
# Written to see whether Redis takes anything.
_WRITTEN: Final = "session:health"
_WRITTEN_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Health:
    """Looks at the parts of a worker.

    Attributes:
        needed: What a worker cannot do its work without, by name.
        useful: What it can do without, and not as well.

    """

    needed: Mapping[str, Check]
    useful: Mapping[str, Check]

    async def alive(self) -> tuple[bool, Mapping[str, Any]]:
        """Say that the event loop is not stuck, by saying anything."""
        return True, {"status": "alive"}

    async def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether work is done here, and what each part is like."""
        needed = {name: await check() or _OK for name, check in self.needed.items()}
        useful = {name: await check() or _OK for name, check in self.useful.items()}
        is_ready = set(needed.values()) == {_OK}
        status = "not ready" if not is_ready else "ready" if set(useful.values()) <= {_OK} else "degraded"
        return is_ready, {"status": status, "parts": {**needed, **useful}}


def health_of(
    consumers: Consumers,
    publisher: RabbitPublisher,
    is_database_there: Callable[[], Awaitable[bool]],
    redis: Redis | None,
    draining: Drain,
) -> Health:
    """Return the health of the worker that consists of these."""

    async def work() -> str | None:
        return "draining" if draining.has_begun else None

    async def broker() -> str | None:
        return None if await publisher.is_open() else "away, or blocked by an alarm"

    async def queues() -> str | None:
        missing = await consumers.missing()
        return f"not consumed: {', '.join(missing)}" if missing else None

    async def database() -> str | None:
        return None if await is_database_there() else "away"

    async def cache() -> str | None:
        return None if redis is None else await _refusal(redis)

    needed = {"work": work, "broker": broker, "queues": queues, "database": database}
    return Health(needed, {"redis": cache})


async def _refusal(redis: Redis) -> str | None:
    """Return why *redis* takes no write, if it takes none: it may answer all the same, full or alone."""
    try:
        await redis.set(_WRITTEN, b"1", px=_WRITTEN_MS)
    except ResponseError as error:  # its memory is full, it is a replica, it has lost too many of its own
        return f"takes no writes: {error}"
    except RedisError:
        return "away"
    return None


def questions_of(health: Health, outcomes: Mapping[tuple[str, str], int]) -> Questions:
    """Return what may be asked about a worker, by path.

    *outcomes* are how many requests of each operation ended with each code, since the worker started.
    """

    async def counts() -> tuple[bool, Mapping[str, Any]]:
        requests: dict[str, dict[str, int]] = {}
        for (operation, code), count in sorted(outcomes.items()):
            requests.setdefault(operation, {})[code] = count
        return True, {"requests": requests}

    return {"/livez": health.alive, "/readyz": health.ready, "/counts": counts}
