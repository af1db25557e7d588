"""The composition root: the only module that knows every concrete class.

Run it with `profilectl worker`, or with `faststream run service.main:create_app --factory`.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from contracts.operations import AUTH_LOGIN, Kind, Operation
from service.app.application import Application
from service.app.auth.log_in import LogInHandler
from service.app.auth.passwords import PasswordHasher
from service.app.auth.tokens import AccessTokens
from service.app.clock import Clock
from service.app.commands.create_profile import CreateProfileHandler
from service.app.commands.delete_profile import DeleteProfileHandler
from service.app.commands.update_profile import UpdateProfileHandler
from service.app.queries.get_profile import GetProfileHandler
from service.domain.profiles import ProfileRepository
from service.infrastructure.clock import SystemClock
from service.infrastructure.crypto.keys import load_keys
from service.infrastructure.crypto.passwords import BcryptPasswords
from service.infrastructure.crypto.tokens import JwtAccessTokens
from service.infrastructure.inputports.auth import subscribe_auth
from service.infrastructure.inputports.endpoint import Edge
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.profiles import subscribe_profiles
from service.infrastructure.inputports.requests import Requests, Source
from service.infrastructure.mongo.indexes import ensure_indexes
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.rabbitmq.any_bytes import accept_any_bytes
from service.infrastructure.rabbitmq.connection import named
from service.infrastructure.rabbitmq.declare import declare
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE, topology, work_queue
from service.pkg.database import close_mongo, default_database, open_mongo
from service.pkg.hashing_pool import HashingPool
from service.pkg.logger import configure_logging
from service.settings import Settings


def create_app(settings: Settings | None = None) -> FastStream:
    """Wire the service. Connects to nothing: that happens when it is run."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    accept_any_bytes()
    mongo = open_mongo(str(settings.mongo_url), settings.mongo_driver)
    database = default_database(mongo)
    hashing = HashingPool(settings.threads_for_hashing, waiting=4 * settings.prefetch_logins)
    publisher = RabbitPublisher(named(str(settings.rabbitmq_url), "publish"))
    broker = _broker(settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        try:
            await ensure_indexes(database)
            if settings.declare_topology:
                await declare(
                    named(str(settings.rabbitmq_url), "declare"), topology(settings.query_queue_type)
                )
            async with publisher:
                yield
        finally:
            hashing.close()
            await close_mongo(mongo)

    clock = SystemClock()
    tokens = _tokens(settings, clock)
    app = _application(MongoProfiles(database), BcryptPasswords(hashing, settings.bcrypt_cost), tokens, clock)
    edge = Edge(
        Principals(tokens, settings.trusted_services),
        publisher,
        ReplyAddresses(settings.reply_to_prefixes),
        clock,
    )
    requests = Requests(broker, edge, lambda operation: _source(operation, settings))
    subscribe_profiles(requests, app)
    subscribe_auth(requests, app)
    service = FastStream(broker, lifespan=lifespan, logger=logging.getLogger("profile.faststream"))
    service.after_startup(_say_ready)
    return service


async def _say_ready() -> None:
    """Say so: by now every queue has a consumer."""
    structlog.get_logger("profile.worker").info("ready")


def _application(
    profiles: ProfileRepository, passwords: PasswordHasher, tokens: AccessTokens, clock: Clock
) -> Application:
    return Application(
        create_profile=CreateProfileHandler(profiles, passwords, clock),
        get_profile=GetProfileHandler(profiles),
        update_profile=UpdateProfileHandler(profiles, passwords, clock),
        delete_profile=DeleteProfileHandler(profiles, clock),
        log_in=LogInHandler(profiles, passwords, tokens),
        tokens=tokens,
    )


def _tokens(settings: Settings, clock: Clock) -> JwtAccessTokens:
    return JwtAccessTokens(
        load_keys(settings.signing_keys_dir),
        clock,
        settings.token_issuer,
        settings.token_audience,
        timedelta(seconds=settings.access_token_seconds),
    )


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
    queue = work_queue(operation, settings.query_queue_type)
    return Source(
        RabbitQueue(
            queue.name,
            queue_type=QueueType.QUORUM if queue.type == "quorum" else QueueType.CLASSIC,
            durable=True,
            routing_key=queue.name,
            declare=settings.declare_topology,
        ),
        RabbitExchange(COMMANDS_EXCHANGE, durable=True, declare=False),
        Channel(prefetch_count=_prefetch(operation, settings)),
    )


def _prefetch(operation: Operation[Any, Any], settings: Settings) -> int:
    if operation is AUTH_LOGIN:
        return settings.prefetch_logins
    return settings.prefetch_commands if operation.kind is Kind.COMMAND else settings.prefetch_queries
