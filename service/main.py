"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from faststream import FastStream

from profile_contracts.events import EVENTS_EXCHANGE
from profile_contracts.operations import OPERATIONS
from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.domain.events import EventType
from service.draining import Drain
from service.health import health_of, questions_of
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keyring import Keyring, watched
from service.infrastructure.crypto.keys import load_refresh_key
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
from service.infrastructure.mongo import reaching as mongo
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.rabbitmq import connection as rabbitmq
from service.infrastructure.rabbitmq.any_bytes import accept_any_bytes
from service.infrastructure.rabbitmq.connection import named
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.declare import declare
from service.infrastructure.rabbitmq.events import KeyEvents
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.relay import Relay
from service.infrastructure.rabbitmq.topology import FOLLOWED, FOLLOWUPS, UNROUTABLE, topology
from service.pkg.database import default_database
from service.pkg.logger import configure_logging
from service.pkg.patience import tried_until
from service.pkg.probes import answering
from service.pkg.repeating import repeated
from service.pkg.signals import at_a_signal
from service.settings import Settings
from service.sources import consuming_broker, misdirected, own_events, source_of
from service.wiring import Stores, operators, wire

# How often deleted profiles are looked for whose time is over.
_ERASING: Final = timedelta(minutes=1)
# How often to look whether every queue is consumed.
_VERIFYING: Final = timedelta(seconds=10)
# How long the database has to say that it is there.
_PROBE_SECONDS: Final = 1.0


def create_app(settings: Settings | None = None) -> FastStream:
    """Wire the service. Connects to nothing: that happens when it is run."""
    return create_worker(settings).app


def create_worker(settings: Settings | None = None) -> "Worker":
    """Wire a worker, which connects to nothing until it is run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    accept_any_bytes()
    worker = Worker(settings, Stores.opened(settings), SystemClock())
    worker.subscribe()
    return worker


class Worker:
    """A worker, and what it consists of."""

    def __init__(self, settings: Settings, stores: Stores, clock: Clock) -> None:
        self.settings = settings
        self.stores = stores
        self.clock = clock
        self.database = default_database(stores.mongo)
        self.publisher = RabbitPublisher(str(settings.rabbitmq_url))
        self.keyring = Keyring(settings.signing_keys_dir, clock)
        needed = frozenset(map(EventType, FOLLOWED))
        self.relay = Relay(MongoOutbox(self.database), self.publisher, clock, needed)
        self.own = operators(settings, stores, self.relay.hint)
        self.broker = consuming_broker(settings)
        self.consumers = Consumers(self.broker)
        self.in_hand = InHand()
        self.draining = Drain(self.consumers, self.in_hand)
        waiting = [FOLLOWUPS, *(each.queue for each in OPERATIONS if rests_in_outages(each))]
        is_there = partial(mongo.is_there, self.database, _PROBE_SECONDS)
        self.outage = Outage(is_there, self.consumers, waiting)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.health = health_of(self.consumers, self.publisher, is_there, stores.redis, self.draining)
        bound = FOLLOWED if settings.declare_topology else ()
        self.app = FastStream(
            self.broker,
            lifespan=self._open,
            after_startup=[partial(self.consumers.bind, FOLLOWUPS, EVENTS_EXCHANGE, bound), _say_ready],
            on_shutdown=[self.draining.run],
            logger=logging.getLogger("profile.faststream"),
        )

    def subscribe(self) -> None:
        """Let the use cases answer what comes to the queues."""
        settings, publisher, clock = self.settings, self.publisher, self.clock
        app, sessions = wire(settings, self.stores, self.keyring, self.relay.hint, clock)
        key = load_refresh_key(settings.signing_keys_dir)
        principals = Principals(app.tokens, sessions, settings.trusted_services, key)
        addresses, room = ReplyAddresses(settings.reply_to_prefixes), self.relay.room
        edge = Edge(
            principals, publisher, addresses, clock, room, self.outage, self.in_hand, key, self.outcomes
        )
        requests = Requests(self.broker, edge, partial(source_of, settings=settings))
        for each in (subscribe_profiles, subscribe_posts, subscribe_auth):
            each(requests, app)
        followups = Followups(
            FOLLOWUPS, self.own.follow_owner, publisher, clock, self.outage, self.in_hand, key
        )
        serve = self.in_hand.counting(followups.serve, settings.prefetch_commands)
        subscribe(self.broker, own_events(settings), serve, "Let posts follow their owners.")
        unroutable = Unroutable(UNROUTABLE, publisher, edge.addresses, self.in_hand, self.outcomes)
        serve = self.in_hand.counting(unroutable.serve, settings.prefetch_commands)
        subscribe(self.broker, misdirected(settings), serve, "Say that there is no such operation.")

    async def run(self) -> int:
        """Work until a signal comes; return how many messages were left unfinished then.

        Raises:
            IndexMissing
            AMQPError, PyMongoError, OSError: A server is not there, or lets nobody in. Where it may be
                starting, that is raised after `startup_seconds`.

        """
        with self._answering_probes():
            reaching = asyncio.create_task(self._reach_servers())
            at_a_signal(reaching.cancel)  # until FastStream sees to signals
            await asyncio.wait([reaching])
            if reaching.cancelled() or reaching.exception():
                await self.stores.close()  # otherwise its tasks hold the end up
            if not reaching.cancelled():
                reaching.result()
                await self.app.run()
        return self.draining.abandoned

    async def _reach_servers(self) -> None:
        """Return when broker and database let us in; they may be starting, too."""
        patience, url = self.settings.startup_seconds, named(str(self.settings.rabbitmq_url), "start")
        await tried_until(patience, partial(rabbitmq.reach, url), rabbitmq.STARTING)
        await tried_until(patience, partial(mongo.reach, self.database), mongo.STARTING)

    def _answering_probes(self) -> AbstractContextManager[int]:
        port = self.settings.health_port
        questions = questions_of(self.health, self.outcomes)
        return answering(port, questions) if port else nullcontext(0)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        """Open everything that consumers need, and close it when they have ended."""
        async with self.stores:
            if self.settings.declare_topology:
                url = named(str(self.settings.rabbitmq_url), "declare")
                await declare(url, topology(self.settings.query_queue_type))
            key_events = KeyEvents(self.publisher, self.clock)
            async with (
                self.publisher,
                self.relay.running(),
                repeated(self.own.keep_retention.handle, _ERASING, passing=(Unavailable,)),
                watched(self.keyring, key_events.keys_rotated),
                self.outage.watched(),
                repeated(self.consumers.verify, _VERIFYING, passing=(TimeoutError,)),
            ):
                try:
                    yield
                finally:
                    # FastStream leaves it open when its start fails. It would connect again for ever, and
                    # what does that swallows the cancellation by which asyncio.run ends.
                    await self.broker.stop()


async def _say_ready() -> None:
    """Say so: by now every queue has a consumer."""
    # What lives as long as the process is not looked through again: a full collection of all that was
    # imported held every request up for a tenth of a second.
    gc.collect()
    gc.freeze()
    structlog.get_logger("profile.worker").info("ready")
