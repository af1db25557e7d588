"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import Final

import structlog
from faststream import FastStream

from profile_contracts.operations import OPERATIONS
from service.app.clock import Clock
from service.bootstrap import Resources, admin_use_cases, wire
from service.connectivity import connectivity_checks
from service.domain.errors import Unavailable
from service.domain.events import EventType
from service.graceful_shutdown import STOP_SECONDS, STUCK, UNACKED, GracefulShutdown
from service.health import BrokerHealth, Health, worker_health
from service.infrastructure.clock import SystemClock
from service.infrastructure.inputports.auth import subscribe_auth
from service.infrastructure.inputports.endpoint import Edge
from service.infrastructure.inputports.followups import Followups
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.outage import Outage
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.posts import subscribe_posts
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.profiles import subscribe_profiles
from service.infrastructure.inputports.requests import Requests, subscribe
from service.infrastructure.inputports.retries import rests_in_outages
from service.infrastructure.inputports.unroutable import Unroutable
from service.infrastructure.mongo import health as mongo
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.consumers import LOOKING, RESTORING, Consumers
from service.infrastructure.rabbitmq.events import KeyEvents
from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from service.infrastructure.rabbitmq.outbox_relay import Relay
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.topology import CASCADE_EVENTS, CASCADE_QUEUE, UNROUTABLE, topology
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper
from service.infrastructure.security.keyring import LOOK_AGAIN, Keyring, looking
from service.infrastructure.security.keys import NoSigningKeys, load_refresh_key
from service.pkg.background import Background
from service.pkg.database import default_database
from service.pkg.logger import configure_logging
from service.pkg.signals import Termination
from service.pkg.watchdog import EVERY, Watchdog
from service.queue_bindings import binding_of, cascade_binding, consuming_broker, unroutable_binding
from service.settings import Settings

# How often deleted profiles are looked for whose time is over.
_ERASING: Final = timedelta(minutes=1)
# Whose messages wait in their queues while the database is away.
_WAITING: Final = (CASCADE_QUEUE, *(each.queue for each in OPERATIONS if rests_in_outages(each)))
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
    install_lenient_codec()
    worker = Worker(settings, Resources.opened(settings), SystemClock())
    worker.subscribe()
    return worker


class Worker:
    """A worker, and what it consists of."""

    def __init__(self, settings: Settings, resources: Resources, clock: Clock) -> None:
        self.settings, self.resources, self.clock = settings, resources, clock
        self.database = default_database(resources.mongo)
        self.publisher = RabbitPublisher(settings.rabbitmq_url)
        self.keyring = Keyring(settings.signing_keys_dir, clock)
        self.background = Background(lambda _: self.termination.begin(STUCK))
        self.relay = Relay(
            MongoOutbox(self.database),
            self.publisher,
            clock,
            frozenset(map(EventType, CASCADE_EVENTS)),
            self.background,
        )
        self.admin = admin_use_cases(
            settings, resources, self.relay.notify, each=partial(self.background.skipping, "retention")
        )
        self.broker = consuming_broker(settings)
        self.keeper = TopologyKeeper(topology(settings.query_queue_type), may_make=settings.declare_topology)
        self.consumers = Consumers(self.broker, self.keeper)
        self.in_hand = InHand()
        self.termination = Termination(STOP_SECONDS, UNACKED)
        self.shutdown = GracefulShutdown(self.consumers, self.in_hand, self.termination)
        self.is_database_there = partial(mongo.is_available, self.database, _PROBE_SECONDS)
        self.outage = Outage(self.is_database_there, self.consumers, _WAITING)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        connections = connectivity_checks(settings, self.consumers, self.publisher, self.is_database_there)
        self.watchdog = Watchdog(connections, partial(self.termination.begin, STUCK))
        self.app = FastStream(
            self.broker,
            lifespan=self.opened,
            after_startup=[self.consumers.take_over, _say_ready],
            on_shutdown=[self.shutdown.run, self._stop_consuming],
            logger=logging.getLogger("profile.faststream"),
        )

    @cached_property
    def health(self) -> Health:
        """What it says of itself."""
        return worker_health(
            broker_health=BrokerHealth(self.consumers, self.keeper, self.publisher, self.relay),
            is_database_there=self.is_database_there,
            redis=self.resources.redis,
            shutdown=self.shutdown,
            background=self.background,
            watchdog=self.watchdog,
        )

    def subscribe(self) -> None:
        """Let the use cases answer what comes to the queues."""
        settings, publisher, clock = self.settings, self.publisher, self.clock
        app, sessions = wire(settings, self.resources, self.keyring, self.relay.notify, clock)
        key = load_refresh_key(settings.signing_keys_dir)
        principals = Principals(app.tokens, sessions, settings.trusted_services, key)
        addresses, room = ReplyAddresses(settings.reply_to_prefixes), self.relay.wait_capacity
        edge = Edge(
            principals, publisher, addresses, clock, room, self.outage, self.in_hand, key, self.outcomes
        )
        requests = Requests(self.broker, edge, partial(binding_of, settings=settings))
        for each in (subscribe_profiles, subscribe_posts, subscribe_auth):
            each(requests, app)
        followups = Followups(
            CASCADE_QUEUE, self.admin.cascade_profile_status, publisher, clock, self.outage, self.in_hand, key
        )
        serve = self.in_hand.counting(followups.serve, settings.prefetch_commands)
        subscribe(self.broker, cascade_binding(settings), serve, "Let posts follow their owners.")
        unroutable = Unroutable(UNROUTABLE, publisher, edge.addresses, self.in_hand, self.outcomes)
        serve = self.in_hand.counting(unroutable.serve, settings.prefetch_commands)
        subscribe(self.broker, unroutable_binding(settings), serve, "Say that there is no such operation.")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open everything that consumers need, and close it when they have ended."""
        async with self.resources:
            url = with_connection_name(self.settings.rabbitmq_url, "declare")
            await self.keeper.stand_up(url, self.settings.rabbitmq_management_url)
            publish = KeyEvents(self.publisher, self.clock).keys_rotated
            loops, look = self.background, looking(self.keyring, publish)
            async with (
                self.publisher,
                self.relay.running(),
                loops.periodic(
                    "retention", self.admin.erase_expired.handle, _ERASING, transient=(Unavailable,)
                ),
                loops.periodic("keys", look, LOOK_AGAIN, transient=(NoSigningKeys, OSError)),
                loops.running("outage", self.outage.watch),
                loops.periodic("consumers", self.consumers.restore, RESTORING),
                loops.periodic("topology", self.keeper.look, LOOKING),
                loops.running("delays", self.publisher.watch_delays),
                loops.periodic("watchdog", self.watchdog.look, EVERY),
            ):
                try:
                    yield
                finally:
                    # FastStream leaves it open when its start fails. It would connect again for ever, and
                    # what does that swallows the cancellation by which asyncio.run ends.
                    await self._stop_consuming()

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
