"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import asyncio
import gc
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Final

import structlog
from faststream import FastStream
from prometheus_client import CollectorRegistry, ProcessCollector
from pymongo.monitoring import CommandListener

from profile_contracts.operations import OPERATIONS
from service import __version__
from service.app.clock import Clock
from service.bootstrap import AdminUseCases, Resources, wire
from service.connectivity import connectivity_checks
from service.domain.errors import Unavailable
from service.domain.events import EventType
from service.graceful_shutdown import STOP_SECONDS, STUCK, UNACKED, GracefulShutdown
from service.health import Health
from service.infrastructure.clock import SystemClock
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.handlers.auth import subscribe_auth
from service.infrastructure.inputports.amqp.handlers.cascade import subscribe_cascade
from service.infrastructure.inputports.amqp.handlers.posts import subscribe_posts
from service.infrastructure.inputports.amqp.handlers.profiles import subscribe_profiles
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.pipeline import Dependencies, pipeline
from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy
from service.infrastructure.inputports.amqp.retries import pauses_in_outages
from service.infrastructure.inputports.amqp.route import MessageKind, Route
from service.infrastructure.inputports.amqp.router import Router
from service.infrastructure.inputports.amqp.stage import Stage
from service.infrastructure.inputports.amqp.stages.authenticator import Authenticator
from service.infrastructure.inputports.amqp.stages.circuit_breaker import CircuitBreaker
from service.infrastructure.inputports.amqp.stages.record_metrics import RecordMetrics
from service.infrastructure.mongo import health as mongo
from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.consumers import LOOKING, RESTORING, Consumers
from service.infrastructure.rabbitmq.events import publish_rotated_keys
from service.infrastructure.rabbitmq.joined_writes import install_joined_writes
from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.starving_consumers import StarvingConsumers
from service.infrastructure.rabbitmq.topology import CASCADE_EVENTS, CASCADE_QUEUE, UNROUTABLE, topology
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper
from service.infrastructure.security.key_files import NoSigningKeys
from service.infrastructure.security.keyring import LOOK_AGAIN, Keyring
from service.infrastructure.security.root_key import Purpose
from service.infrastructure.security.root_keyring import RootKeyring
from service.metrics import Metrics, lag_histogram
from service.pkg import tracing
from service.pkg.background import Background
from service.pkg.database import default_database
from service.pkg.logger import configure_logging
from service.pkg.loop_lag import measure_lag
from service.pkg.signals import Termination
from service.pkg.watchdog import EVERY, Watchdog
from service.queue_bindings import binding_of, bound_by_topology, consuming_broker
from service.settings import Settings, given_names, misspelt

# How often deleted profiles are looked for whose time is over.
_ERASING: Final = timedelta(minutes=1)
# Whose messages wait in their queues while the circuit is open.
_PAUSABLE: Final = (CASCADE_QUEUE, *(each.queue for each in OPERATIONS if pauses_in_outages(each)))
# How long the database has to say that it is there.
_PROBE_SECONDS: Final = 1.0
# How long consumers and their connection have to be closed.
_CLOSE_SECONDS: Final = 3.0


def create_app(settings: Settings | None = None) -> FastStream:
    """Wire the service. Connects to nothing: that happens when it is run."""
    return create_worker(settings).app


def create_worker(settings: Settings | None = None) -> "Worker":
    """Wire a worker, which connects to nothing until it is run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    for name, near in misspelt(given_names()).items():
        structlog.get_logger("profile.worker").warning("unknown setting", name=name, did_you_mean=near)
    install_lenient_codec()
    install_joined_writes()
    provider = _opened_tracing()
    resources = Resources.opened(settings, _command_listeners(provider))
    worker = Worker(settings, resources, SystemClock(), provider)
    worker.subscribe()
    return worker


def _opened_tracing() -> Any:  # noqa: ANN401 - of an extra
    """Return what sends traces; nothing, unless the environment says where to."""
    if not tracing.is_wanted(os.environ):
        return None
    if not tracing.is_installed():
        structlog.get_logger("profile.worker").warning("no traces", missing="profile-service[otel]")
        return None
    return tracing.open_tracing("profile-service", __version__)


def _command_listeners(provider: Any) -> Sequence[CommandListener]:  # noqa: ANN401 - as above
    if provider is None:
        return ()
    from service.infrastructure.mongo.command_spans import CommandSpans  # noqa: PLC0415 - of an extra

    return [CommandSpans(provider.get_tracer("profile-service"))]


class Worker:
    """A worker, and what it consists of."""

    def __init__(
        self,
        settings: Settings,
        resources: Resources,
        clock: Clock,
        tracing: Any = None,  # noqa: ANN401 - of an extra
    ) -> None:
        self.settings, self.resources, self.clock, self.tracing = settings, resources, clock, tracing
        self.database = default_database(resources.mongo)
        self.publisher = RabbitPublisher(settings.rabbitmq_url)
        self.keyring = Keyring(settings.signing_keys_dir, clock)
        self.root_keyring = RootKeyring(settings.signing_keys_dir, clock)
        self.background = Background(lambda _: self.termination.begin(STUCK))
        self.outbox = MongoOutbox(self.database)
        self.relay = Relay(
            self.outbox,
            self.publisher,
            clock,
            frozenset(map(EventType, CASCADE_EVENTS)),
            self.background,
        )
        self.admin = AdminUseCases(
            settings,
            resources,
            self.relay.notify,
            each=partial(self.background.skipping, "retention", transient=(Unavailable,)),
        )
        self.broker = consuming_broker(settings)
        self.keeper = TopologyKeeper(
            topology(settings.query_queue_type, event_history=settings.event_history),
            may_make=settings.declare_topology,
        )
        self.consumers = Consumers(self.broker, self.keeper)
        self.in_flight = InFlight()
        self.termination = Termination(STOP_SECONDS, UNACKED)
        self.shutdown = GracefulShutdown(self.consumers, self.in_flight, self.termination)
        self.is_database_there = partial(mongo.is_available, self.database, _PROBE_SECONDS)
        self.circuit_breaker = CircuitBreaker(
            DatabaseUnavailable, self.is_database_there, self.consumers, _PAUSABLE
        )
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.watchdog = Watchdog(
            connectivity_checks(settings, self.consumers, self.publisher, self.is_database_there),
            partial(self.termination.begin, STUCK),
        )
        self.app = FastStream(
            self.broker,
            lifespan=self.opened,
            after_startup=[self.consumers.take_over, _say_ready],
            on_shutdown=[self.shutdown.run, self._stop_consuming],
            logger=logging.getLogger("profile.faststream"),
        )

    @cached_property
    def starving_consumers(self) -> StarvingConsumers:
        """What notices a queue that gives it nothing."""
        in_flight = self.in_flight
        return StarvingConsumers(self.consumers, lambda: in_flight.arrived, lambda: in_flight.by_queue)

    @cached_property
    def health(self) -> Health:
        """What it says of itself."""
        return Health(
            consumers=self.consumers,
            keeper=self.keeper,
            publisher=self.publisher,
            relay=self.relay,
            is_database_there=self.is_database_there,
            redis=self.resources.redis,
            shutdown=self.shutdown,
            background=self.background,
            watchdog=self.watchdog,
        )

    @cached_property
    def registry(self) -> CollectorRegistry:
        """Where it registers what it counts as it works; it has CPU and memory of the process."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        return registry

    @cached_property
    def metrics(self) -> Metrics:
        """What it tells Prometheus."""
        return Metrics(
            registry=self.registry,
            health=self.health,
            outcomes=self.outcomes,
            in_flight=self.in_flight,
            publisher=self.publisher,
            consumers=self.consumers,
            outbox=self.outbox,
            hashing=self.resources.hashing,
            circuit_breaker=self.circuit_breaker,
            background=self.background,
            clock=self.clock,
        )

    def subscribe(self) -> None:
        """Let the use cases answer what comes to the queues."""
        settings, keys = self.settings, self.root_keyring
        app = wire(
            settings,
            self.resources,
            keyring=self.keyring,
            root_keyring=keys,
            notify=self.relay.notify,
            clock=self.clock,
        )
        sender_keys = partial(keys.derived, Purpose.SENDERS)
        arrivals = Arrivals(self.clock, settings.broker_sets_timestamp)
        needs = Dependencies(
            authenticator=Authenticator(
                app.tokens, app.sessions, settings.trusted_services, sender_keys, arrivals
            ),
            publisher=self.publisher,
            reply_to_policy=ReplyToPolicy(settings.reply_to_prefixes),
            clock=self.clock,
            wait_capacity=self.relay.wait_capacity,
            circuit_breaker=self.circuit_breaker,
            in_flight=self.in_flight,
            arrivals=arrivals,
            sender_keys=sender_keys,
            digest_keys=partial(keys.derived, Purpose.COMMAND_DIGESTS),
            former_digest_keys=keys.former,
            outcomes=self.outcomes,
            trace=self._trace(),
            # Where nobody can ask for it, nothing is measured.
            record_metrics=RecordMetrics(self.registry, arrivals) if settings.health_port else None,
        )
        binding = partial(binding_of, settings=settings)
        router = Router(self.broker, pipeline(needs), self.in_flight, binding)
        for each in (subscribe_profiles, subscribe_posts, subscribe_auth):
            each(router, app)
        subscribe_cascade(
            router, bound_by_topology(CASCADE_QUEUE, settings), self.admin.cascade_profile_status
        )
        unroutable = Route(UNROUTABLE, MessageKind.UNROUTABLE)
        router.consume(
            unroutable, bound_by_topology(UNROUTABLE, settings), "Say that there is no such operation."
        )

    def _trace(self) -> Stage | None:
        """Return what records spans, if the environment says where to."""
        if self.tracing is None:
            return None
        from service.infrastructure.inputports.amqp.stages.trace import Trace  # noqa: PLC0415 - of an extra

        return Trace(self.tracing.get_tracer("profile-service"))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open everything that consumers need, and close it when they have ended."""
        async with self.resources:
            url = with_connection_name(self.settings.rabbitmq_url, "declare")
            await self.keeper.stand_up(url, self.settings.rabbitmq_management_url)
            publish = partial(publish_rotated_keys, self.publisher, self.clock)
            loops, look = self.background, partial(self.keyring.look, publish)
            async with (
                self.publisher,
                self.relay.running(),
                loops.periodic(
                    "retention", self.admin.erase_expired.handle, _ERASING, transient=(Unavailable,)
                ),
                loops.periodic("keys", look, LOOK_AGAIN, transient=(NoSigningKeys, OSError)),
                loops.periodic(
                    "root_keys", self.root_keyring.look, LOOK_AGAIN, transient=(NoSigningKeys, OSError)
                ),
                loops.running("circuit_breaker", self.circuit_breaker.monitor),
                loops.periodic("consumers", self.consumers.restore, RESTORING),
                loops.running("starving", self.starving_consumers.watch),
                loops.periodic("topology", self.keeper.look, LOOKING),
                loops.running("delays", self.publisher.watch_delays),
                loops.running("confirms", self.publisher.watch_confirms),
                loops.periodic("watchdog", self.watchdog.look, EVERY),
                self.measuring_lag(),
            ):
                try:
                    await self.consumers.connect()
                    yield
                finally:
                    # FastStream leaves it open when its start fails. It would connect again for ever, and
                    # what does that swallows the cancellation by which asyncio.run ends.
                    await self._stop_consuming()

    def measuring_lag(self) -> AbstractAsyncContextManager[None]:
        """Return what measures how late the event loop is; where nobody can ask for it, nothing does."""
        if not self.settings.health_port:
            return nullcontext()
        return self.background.running("lag", partial(measure_lag, lag_histogram(self.registry).observe))

    async def _stop_consuming(self) -> None:
        """Close the consumers' connection; a broker that does not answer is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.broker.stop()


async def _say_ready() -> None:
    """Say so: by now every queue has a consumer."""
    # What lives as long as the process is not looked through again: a full collection of all that was
    # imported held every request up for a tenth of a second.
    gc.collect()
    gc.freeze()
    structlog.get_logger("profile.worker").info("ready")
