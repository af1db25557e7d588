"""What a worker says of itself to whoever decides where to send work, and whether to start it anew."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from service import __version__
from service.graceful_shutdown import GracefulShutdown
from service.infrastructure.mongo import errors as mongo
from service.infrastructure.rabbitmq import connection as rabbitmq
from service.infrastructure.rabbitmq.connection import answers
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper
from service.infrastructure.redis.client import CALLS, OUTAGES
from service.pkg.background import Background
from service.pkg.detached import DetachedCalls
from service.pkg.probes import HealthRoutes
from service.pkg.watchdog import Watchdog

_OK: Final = "ok"
# How long the broker has to answer.
_ANSWER_SECONDS: Final = 1.0
# Written to see whether Redis takes anything.
_WRITTEN: Final = "session:health"
_WRITTEN_MS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Looks at the parts of a worker."""

    consumers: Consumers
    keeper: TopologyKeeper
    publisher: RabbitPublisher
    relay: Relay
    is_database_there: Callable[[], Awaitable[bool]]
    redis: Redis | None
    shutdown: GracefulShutdown
    background: Background
    watchdog: Watchdog

    async def alive(self) -> tuple[bool, Mapping[str, Any]]:
        """Say that nothing is stuck: the event loop is not, by saying anything."""
        if stuck := self.watchdog.stuck:
            return False, {"status": "stuck", "parts": list(stuck)}
        return True, {"status": "alive"}

    async def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether work is done here, by which version, and what each part is like."""
        # All at once: whoever asks waits for a second or so.
        broker, queues, database, redis = await asyncio.gather(
            self._broker(), self._queues(), self._database(), self._redis()
        )
        failing = sorted(self.background.failing.items())
        needed = {
            "work": "draining" if self.shutdown.has_begun else None,
            "broker": broker,
            "queues": queues,
            "database": database,
            "topology": "; ".join(self.keeper.missing.values()),
            "events": f"no queue takes {self.relay.refused}" if self.relay.refused else None,
        }
        useful = {
            "redis": redis,
            "background": ", ".join(f"{name}: {error}" for name, error in failing),
            "differences": "; ".join(self.keeper.differing.values()),
            "policies": "; ".join(self.publisher.delays.broken.values()),
        }
        is_ready = not any(needed.values())
        status = "not ready" if not is_ready else "degraded" if any(useful.values()) else "ready"
        parts = {name: wrong or _OK for name, wrong in {**needed, **useful}.items()}
        return is_ready, {"status": status, "version": __version__, "parts": parts}

    async def _broker(self) -> str | None:
        """Say so if it is silent on one of the connections, or takes no messages."""
        asked = self.publisher.is_open(), answers(self.consumers.connection, _ANSWER_SECONDS)
        return None if all(await asyncio.gather(*asked)) else "away, or blocked by an alarm"

    async def _queues(self) -> str | None:
        missing = await self.consumers.missing()
        return f"not consumed: {', '.join(missing)}" if missing else None

    async def _database(self) -> str | None:
        return None if await self.is_database_there() else "away"

    async def _redis(self) -> str | None:
        return None if self.redis is None else await _redis_fault(self.redis)


async def _redis_fault(redis: Redis) -> str | None:
    """Return why *redis* takes no write, if it takes none: it may answer all the same, full or alone."""
    try:
        await CALLS.run(redis.set(_WRITTEN, b"1", px=_WRITTEN_MS))
    except ResponseError as error:  # its memory is full, it is a replica, it has lost too many of its own
        return f"takes no writes: {error}"
    except OUTAGES:
        return "away"
    return None


def _loops(background: Background) -> Mapping[str, Any]:
    """Return how often each loop failed, and how many items it skipped."""
    states = sorted(background.loops.items())
    return {name: {"failures": each.failures, "skipped": each.skipped} for name, each in states}


def driver_calls() -> Mapping[str, DetachedCalls]:
    """Return the calls of each driver."""
    return {"mongodb": mongo.CALLS, "rabbitmq": rabbitmq.CALLS, "redis": CALLS}


def _drivers() -> Mapping[str, Any]:
    """Return how many calls of each driver were abandoned, and how many of those still run."""
    calls = driver_calls().items()
    return {name: {"abandoned": each.abandoned, "running": each.running} for name, each in calls}


def _nested(counts: Mapping[tuple[str, str], int]) -> Mapping[str, Mapping[str, int]]:
    """Return *counts* as JSON has them: by the first name, and then by the second one."""
    found: dict[str, dict[str, int]] = {}
    for (first, second), count in sorted(counts.items()):
        found.setdefault(first, {})[second] = count
    return found


def health_routes(
    health: Health,
    outcomes: Mapping[tuple[str, str], int],
    given_up: Mapping[tuple[str, str], int],
    background: Background,
) -> HealthRoutes:
    """Return what may be asked about a worker, by path.

    Since it started: *outcomes* are how many requests of each operation ended with each code, and
    *given_up* how many messages of each kind could not be published, by the reason.
    """

    async def counts() -> tuple[bool, Mapping[str, Any]]:
        return True, {
            "requests": _nested(outcomes),
            "given_up": _nested(given_up),
            "background": _loops(background),
            "drivers": _drivers(),
        }

    return {"/livez": health.alive, "/readyz": health.ready, "/counts": counts}
