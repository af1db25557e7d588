"""The ways of a worker to its servers: whether each is open, and whether a new one would be."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from service.infrastructure.mongo import health as mongo
from service.infrastructure.rabbitmq import connection as rabbitmq
from service.infrastructure.rabbitmq.connection import with_connection_name
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.pkg.database import close_mongo, default_database, open_mongo
from service.pkg.watchdog import MonitoredConnection
from service.settings import Settings

# For a new client of the database, which has to find the primary first.
_NEW_CLIENT_SECONDS: Final = 3.0


def connectivity_checks(
    settings: Settings,
    consumers: Consumers,
    publisher: RabbitPublisher,
    is_database_there: Callable[[], Awaitable[bool]],
) -> Sequence[MonitoredConnection]:
    """Return the ways of the worker that consists of these."""
    is_broker_there = partial(rabbitmq.is_available, with_connection_name(settings.rabbitmq_url, "watchdog"))
    return (
        MonitoredConnection("database", is_database_there, partial(_is_database_there_anew, settings)),
        MonitoredConnection("consumers", consumers.is_any_there, is_broker_there),
        MonitoredConnection("publisher", publisher.is_connected, is_broker_there),
    )


async def _is_database_there_anew(settings: Settings) -> bool:
    """Return whether a client that was not there before reaches the database."""
    client = open_mongo(settings.mongo_url, settings.mongo_driver)
    try:
        return await mongo.is_available(default_database(client), _NEW_CLIENT_SECONDS)
    finally:
        await close_mongo(client)
