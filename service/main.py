"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import structlog
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from contracts.operations import AUTH_LOGIN, Kind, Operation
from service.domain.errors import Unavailable
from service.domain.events import EventType
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keyring import Keyring, watched
from service.infrastructure.inputports.auth import subscribe_auth
from service.infrastructure.inputports.endpoint import Edge
from service.infrastructure.inputports.followups import Followups
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.posts import subscribe_posts
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.profiles import subscribe_profiles
from service.infrastructure.inputports.requests import Requests, Source, subscribe
from service.infrastructure.mongo.outbox import MongoOutbox
from service.infrastructure.rabbitmq.any_bytes import accept_any_bytes
from service.infrastructure.rabbitmq.connection import named
from service.infrastructure.rabbitmq.declare import declare
from service.infrastructure.rabbitmq.events import KeyEvents
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.relay import Relay
from service.infrastructure.rabbitmq.topology import (
    COMMANDS_EXCHANGE,
    FOLLOWED,
    FOLLOWUPS,
    Queue,
    topology,
    work_queue,
)
from service.pkg.database import default_database
from service.pkg.logger import configure_logging
from service.pkg.repeating import repeated
from service.settings import Settings
from service.wiring import Stores, operators, wire


def create_app(settings: Settings | None = None) -> FastStream:
    """Wire the service. Connects to nothing: that happens when it is run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    accept_any_bytes()
    stores = Stores.opened(settings)
    publisher = RabbitPublisher(named(str(settings.rabbitmq_url), "publish"))
    broker = _broker(settings)
    clock = SystemClock()
    keyring = Keyring(settings.signing_keys_dir, clock)
    relay = Relay(MongoOutbox(default_database(stores.mongo)), publisher, clock, needed=_NEEDED)
    own = operators(settings, stores, relay.hint)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with stores:
            if settings.declare_topology:
                url = named(str(settings.rabbitmq_url), "declare")
                await declare(url, topology(settings.query_queue_type))
            erasing = repeated(own.keep_retention.handle, _ERASING, passing=(Unavailable,))
            async with (
                publisher,
                relay.running(),
                erasing,
                watched(keyring, KeyEvents(publisher, clock).keys_rotated),
            ):
                yield

    app, sessions = wire(settings, stores, keyring, relay.hint, clock)
    principals = Principals(app.tokens, sessions, settings.trusted_services)
    edge = Edge(principals, publisher, ReplyAddresses(settings.reply_to_prefixes), clock, relay.room)
    requests = Requests(broker, edge, lambda operation: _source(operation, settings))
    for each in (subscribe_profiles, subscribe_posts, subscribe_auth):
        each(requests, app)
    followups = Followups(FOLLOWUPS, own.follow_owner, publisher, clock)
    subscribe(broker, _own_events(settings), followups.serve, "Let posts follow their owners.")
    service = FastStream(broker, lifespan=lifespan, logger=logging.getLogger("profile.faststream"))
    service.after_startup(_say_ready)
    return service


# How often deleted profiles are looked for whose time is over.
_ERASING: Final = timedelta(minutes=1)
_NEEDED: Final = frozenset(EventType(name) for name in FOLLOWED)


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


def _source(operation: Operation[Any, Any], settings: Settings) -> Source:
    return Source(
        _queue(work_queue(operation, settings.query_queue_type), settings),
        RabbitExchange(COMMANDS_EXCHANGE, durable=True, declare=False),
        Channel(prefetch_count=_prefetch(operation, settings)),
    )


def _own_events(settings: Settings) -> Source:
    followups = _queue(Queue(FOLLOWUPS, "quorum"), settings)
    return Source(followups, None, Channel(prefetch_count=settings.prefetch_commands))


def _queue(queue: Queue, settings: Settings) -> RabbitQueue:
    return RabbitQueue(
        queue.name,
        queue_type=QueueType.QUORUM if queue.type == "quorum" else QueueType.CLASSIC,
        durable=True,
        routing_key=queue.name,
        declare=settings.declare_topology,
    )


def _prefetch(operation: Operation[Any, Any], settings: Settings) -> int:
    if operation is AUTH_LOGIN:
        return settings.prefetch_logins
    return settings.prefetch_commands if operation.kind is Kind.COMMAND else settings.prefetch_queries
