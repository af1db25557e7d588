"""What a worker says of itself to whoever decides where to send work, and whether to start it anew."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from service import __version__
from service.draining import Drain
from service.infrastructure.mongo import errors as mongo
from service.infrastructure.rabbitmq import connection as rabbitmq
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.redis.client import CALLS
from service.pkg.background import Background
from service.pkg.detached import TooManyAbandoned
from service.pkg.probes import Questions
from service.pkg.watchdog import Watchdog

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
        stuck: What does not come back by itself, so that the worker is about to end.
        needed: What a worker cannot do its work without, by name.
        useful: What it can do without, and not as well.

    """

    needed: Mapping[str, Check]
    useful: Mapping[str, Check]
    stuck: Callable[[], Sequence[str]] = tuple

    async def alive(self) -> tuple[bool, Mapping[str, Any]]:
        """Say that nothing is stuck: the event loop is not, by saying anything."""
        if stuck := self.stuck():
            return False, {"status": "stuck", "parts": list(stuck)}
        return True, {"status": "alive"}

    async def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether work is done here, by which version, and what each part is like."""
        needed = {name: await check() or _OK for name, check in self.needed.items()}
        useful = {name: await check() or _OK for name, check in self.useful.items()}
        is_ready = set(needed.values()) == {_OK}
        status = "not ready" if not is_ready else "ready" if set(useful.values()) <= {_OK} else "degraded"
        return is_ready, {"status": status, "version": __version__, "parts": {**needed, **useful}}


def health_of(
    *,
    consumers: Consumers,
    publisher: RabbitPublisher,
    is_database_there: Callable[[], Awaitable[bool]],
    redis: Redis | None,
    draining: Drain,
    background: Background,
    watchdog: Watchdog,
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

    async def loops() -> str | None:
        failing = [f"{name}: {error}" for name, error in sorted(background.failing.items())]
        return ", ".join(failing) or None

    needed = {"work": work, "broker": broker, "queues": queues, "database": database}
    return Health(needed, {"redis": cache, "background": loops}, lambda: watchdog.stuck)


async def _refusal(redis: Redis) -> str | None:
    """Return why *redis* takes no write, if it takes none: it may answer all the same, full or alone."""
    try:
        await CALLS.run(redis.set(_WRITTEN, b"1", px=_WRITTEN_MS))
    except ResponseError as error:  # its memory is full, it is a replica, it has lost too many of its own
        return f"takes no writes: {error}"
    except (RedisError, TooManyAbandoned):
        return "away"
    return None


def _loops(background: Background) -> Mapping[str, Any]:
    """Return how often each loop failed, and how many items it skipped."""
    states = sorted(background.loops.items())
    return {name: {"failures": each.failures, "skipped": each.skipped} for name, each in states}


def _drivers() -> Mapping[str, Any]:
    """Return how many calls of each driver were abandoned, and how many of those still run."""
    calls = {"mongodb": mongo.CALLS, "rabbitmq": rabbitmq.CALLS, "redis": CALLS}
    return {name: {"abandoned": each.abandoned, "running": each.running} for name, each in calls.items()}


def questions_of(
    health: Health, outcomes: Mapping[tuple[str, str], int], background: Background
) -> Questions:
    """Return what may be asked about a worker, by path.

    *outcomes* are how many requests of each operation ended with each code, since the worker started.
    """

    async def counts() -> tuple[bool, Mapping[str, Any]]:
        requests: dict[str, dict[str, int]] = {}
        for (operation, code), count in sorted(outcomes.items()):
            requests.setdefault(operation, {})[code] = count
        return True, {"requests": requests, "background": _loops(background), "drivers": _drivers()}

    return {"/livez": health.alive, "/readyz": health.ready, "/counts": counts}
