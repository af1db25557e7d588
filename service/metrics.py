"""What a worker tells Prometheus: what it counts as it works, and what there is to see when somebody asks.

Each worker tells of itself alone, so that those of several add up in a query: `sum by (...)`. What is pending
in the database, they all see alike: of that, take `max`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from profile_contracts.operations import OPERATIONS
from service import __version__
from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.health import Health, driver_calls
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.retries import is_retryable
from service.infrastructure.inputports.amqp.stages.circuit_breaker import CircuitBreaker
from service.infrastructure.inputports.amqp.stages.reply import UNANSWERED
from service.infrastructure.mongo.outbox import Backlog, MongoOutbox
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE, DEAD_LETTERS, topology
from service.pkg.background import Background
from service.pkg.hashing_pool import HashingPool
from service.pkg.probes import Answer, Document

# How long the database has to say what is pending; whoever asks waits for three seconds at most.
_BACKLOG_SECONDS: Final = 1.5
_LAG_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
# What is not counted yet. A series that begins with 1 would hide the first one from `increase`.
_BOTH: Final = {"publish": 0, "reply": 0}
_NO_REPLIES: Final = {each.queue: 0 for each in OPERATIONS}
_NO_RETRIES: Final = {each.queue: 0 for each in OPERATIONS if is_retryable(each)} | {CASCADE_QUEUE: 0}
_NO_LETTERS: Final = {each.name: 0 for each in topology().queues if each.name.endswith(DEAD_LETTERS)}

# Of each series, its labels and its value.
Series = Iterable[tuple[tuple[str, ...], float]]


def lag_histogram(registry: CollectorRegistry) -> Histogram:
    """Return what takes the lags of the event loop."""
    return Histogram(
        "profile_event_loop_lag_seconds",
        "How late the event loop was, looked at four times a second.",
        buckets=_LAG_SECONDS,
        registry=registry,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """All that a worker tells Prometheus.

    Attributes:
        registry: What is counted as the worker works.
        outcomes: How many messages of each queue ended with each code.

    """

    registry: CollectorRegistry
    health: Health
    outcomes: Mapping[tuple[str, str], int]
    in_flight: InFlight
    publisher: RabbitPublisher
    consumers: Consumers
    outbox: MongoOutbox
    hashing: HashingPool
    circuit_breaker: CircuitBreaker
    background: Background
    clock: Clock

    async def answer(self) -> Answer:
        """Return all of it in Prometheus' text format."""
        (_, said), backlog = await asyncio.gather(self.health.ready(), self._backlog())
        parts: Mapping[str, str] = said["parts"]
        seen = _CurrentMetrics(
            [*self._state(), *_of_health(said["status"], parts), *self._of_outbox(backlog)]
        )
        # In a thread: a thousand lines are ten milliseconds of which requests need not be late.
        text = await asyncio.to_thread(lambda: generate_latest(self.registry) + generate_latest(seen))
        return True, Document(CONTENT_TYPE_PLAIN_0_0_4, text)

    async def _backlog(self) -> Backlog | None:
        try:
            async with asyncio.timeout(_BACKLOG_SECONDS):
                return await self.outbox.backlog()
        except (Unavailable, TimeoutError):
            return None

    def _of_outbox(self, backlog: Backlog | None) -> Iterable[Metric]:
        """Return what is pending; nothing, if the database does not say."""
        if backlog is None:
            return
        yield _gauge(
            "profile_outbox_pending_events",
            "Events in the database that are not published yet; every worker sees the same.",
            [((), backlog.events)],
        )
        yield _gauge(
            "profile_outbox_oldest_seconds",
            "How long the oldest of them has waited; every worker sees the same.",
            [((), _age(backlog.oldest, self.clock))],
        )

    def _state(self) -> Iterable[Metric]:
        yield _gauge("profile_build_info", "The version of the worker.", [((__version__,), 1)], "version")
        yield from self._of_messages()
        yield from _of_publisher(self.publisher)
        yield _counter(
            "profile_rabbitmq_reconnects",
            "How often each connection to the broker was opened again.",
            _by_name({"consume": self.consumers.reconnects, **_BOTH, **self.publisher.reconnects}),
            "connection",
        )
        yield _gauge("profile_hashing_busy", "Passwords that are being hashed.", [((), self.hashing.busy)])
        yield _gauge(
            "profile_hashing_queued", "Passwords that wait for a thread.", [((), self.hashing.queued)]
        )
        yield _gauge(
            "profile_circuit_breaker_open",
            "Whether commands wait in their queues because the database is away.",
            [((), self.circuit_breaker.is_open)],
        )
        yield from _of_background(self.background)
        yield _counter(
            "profile_driver_calls_abandoned",
            "Calls of each driver that were not waited for any more.",
            [((name,), each.abandoned) for name, each in driver_calls().items()],
            "driver",
        )

    def _of_messages(self) -> Iterable[Metric]:
        outcomes = self.outcomes.items()
        yield _counter(
            "profile_messages",
            "Messages of each queue, by the code that they ended with.",
            [each for each in outcomes if each[0][1] != UNANSWERED],
            *("queue", "code"),
        )
        yield _counter(
            "profile_replies_unanswered",
            "Replies that could not be sent while somebody waited for them.",
            _by_name(_NO_REPLIES | {queue: count for (queue, code), count in outcomes if code == UNANSWERED}),
            "queue",
        )
        yield _gauge(
            "profile_messages_in_flight",
            "Messages of each queue that are not acknowledged yet.",
            _by_name(self.in_flight.by_queue),
            "queue",
        )


class _CurrentMetrics:
    """What was seen just now, as `generate_latest` takes it."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return it."""
        return self._families


def _of_health(status: str, parts: Mapping[str, str]) -> Iterable[Metric]:
    is_ready = status in ("ready", "degraded")
    yield _gauge("profile_ready", "Whether work is done here: what /readyz says.", [((), is_ready)])
    oks = [((part,), said == "ok") for part, said in parts.items()]
    yield _gauge("profile_part_ok", "Whether each part is well: what /readyz says.", oks, "part")


def _of_publisher(publisher: RabbitPublisher) -> Iterable[Metric]:
    retried = _by_name(_NO_RETRIES | publisher.retried)
    dead_lettered = _by_name(_NO_LETTERS | publisher.dead_lettered)
    yield _counter("profile_retries", "Messages that were put off, to come again.", retried, "queue")
    yield _counter(
        "profile_dead_letters", "What was put into each dead-letter queue.", dead_lettered, "queue"
    )
    yield _counter(
        "profile_publish_given_up",
        "Messages that could not be published, by what they were and why.",
        publisher.given_up.items(),
        *("kind", "reason"),
    )


def _of_background(background: Background) -> Iterable[Metric]:
    loops = dict(background.loops).items()
    yield _gauge(
        "profile_background_up",
        "Whether each loop beside the work goes on well.",
        [((name,), each.error is None) for name, each in loops],
        "loop",
    )
    yield _counter(
        "profile_background_failures",
        "How often each loop had to begin anew.",
        [((name,), each.failures) for name, each in loops],
        "loop",
    )
    yield _counter(
        "profile_background_skipped",
        "How many items each loop skipped.",
        [((name,), each.skipped) for name, each in loops],
        "loop",
    )
    yield _gauge(
        "profile_background_last_done_timestamp_seconds",
        "When each periodic loop was last done with its work.",
        [((name,), each.done_at) for name, each in loops if each.done_at],
        "loop",
    )


def _gauge(name: str, description: str, series: Series, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, description, labels=labels), series)


def _counter(name: str, description: str, series: Series, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, description, labels=labels), series)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, series: Series) -> Metric:
    for values, value in series:
        family.add_metric(values, value)
    return family


def _by_name(values: Mapping[str, float]) -> Series:
    return [((name,), value) for name, value in values.items()]


def _age(since: datetime | None, clock: Clock) -> float:
    return max(0.0, (clock.now() - since).total_seconds()) if since else 0.0
