"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from faststream import FastStream
from faststream.rabbit import RabbitBroker

from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.domain.events import EventType
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keyring import Keyring, watched
from service.infrastructure.crypto.keys import load_refresh_key
from service.infrastructure.inputports.auth import subscribe_auth
from service.infrastructure.inputports.endpoint import Edge
from service.infrastructure.inputports.followups import Followups
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.posts import subscribe_posts
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.profiles import subscribe_profiles
from service.infrastructure.inputports.requests import Requests, subscribe
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.rabbitmq.any_bytes import accept_any_bytes
from service.infrastructure.rabbitmq.connection import named
from service.infrastructure.rabbitmq.declare import declare
from service.infrastructure.rabbitmq.events import KeyEvents
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.relay import Relay
from service.infrastructure.rabbitmq.topology import (
    FOLLOWED,
    FOLLOWUPS,
    topology,
)
from service.pkg.database import default_database
from service.pkg.logger import configure_logging
from service.pkg.repeating import repeated
from service.settings import Settings
from service.sources import own_events, source_of
from service.wiring import Stores, operators, wire

# How often deleted profiles are looked for whose time is over.
_ERASING: Final = timedelta(minutes=1)
_NEEDED: Final = frozenset(EventType(name) for name in FOLLOWED)


def create_app(settings: Settings | None = None) -> FastStream:
    """Wire the service. Connects to nothing: that happens when it is run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    accept_any_bytes()
    parts = Parts(settings, Stores.opened(settings), SystemClock())
    service = FastStream(parts.broker, lifespan=parts.running, logger=logging.getLogger("profile.faststream"))
    parts.subscribe()
    service.after_startup(_say_ready)
    return service


class Parts:
    """What a worker consists of."""

    def __init__(self, settings: Settings, stores: Stores, clock: Clock) -> None:
        self.settings = settings
        self.stores = stores
        self.clock = clock
        self.broker = _broker(settings)
        self.publisher = RabbitPublisher(named(str(settings.rabbitmq_url), "publish"))
        self.keyring = Keyring(settings.signing_keys_dir, clock)
        outbox = MongoOutbox(default_database(stores.mongo))
        self.relay = Relay(outbox, self.publisher, clock, needed=_NEEDED)
        self.own = operators(settings, stores, self.relay.hint)

    def subscribe(self) -> None:
        """Let the use cases answer what comes to the queues."""
        settings, publisher, clock = self.settings, self.publisher, self.clock
        app, sessions = wire(settings, self.stores, self.keyring, self.relay.hint, clock)
        key = load_refresh_key(settings.signing_keys_dir)
        principals = Principals(app.tokens, sessions, settings.trusted_services, key)
        addresses = ReplyAddresses(settings.reply_to_prefixes)
        edge = Edge(principals, publisher, addresses, clock, self.relay.room, key)
        requests = Requests(self.broker, edge, lambda operation: source_of(operation, settings))
        for each in (subscribe_profiles, subscribe_posts, subscribe_auth):
            each(requests, app)
        followups = Followups(FOLLOWUPS, self.own.follow_owner, publisher, clock)
        subscribe(self.broker, own_events(settings), followups.serve, "Let posts follow their owners.")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
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
            ):
                yield


async def _say_ready() -> None:
    """Say so: by now every queue has a consumer."""
    # What lives as long as the process is not looked through again: a full collection of all that was
    # imported held every request up for a tenth of a second.
    gc.collect()
    gc.freeze()
    structlog.get_logger("profile.worker").info("ready")


def _broker(settings: Settings) -> RabbitBroker:
    return RabbitBroker(
        named(str(settings.rabbitmq_url), "consume"),
        reconnect_interval=1.0,
        graceful_timeout=25.0,
        app_id="profile-service",
        # The endpoints decode and validate; FastStream would log what it cannot validate.
        apply_types=False,
        logger=logging.getLogger("profile.faststream"),
        log_level=logging.DEBUG,
    )
