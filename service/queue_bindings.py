"""Where messages come from: the queues of the topology, as FastStream wants them."""

import logging
from typing import Any

from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from profile_contracts.operations import AUTH_LOGIN, Kind, Operation
from service.infrastructure.inputports.amqp.router import QueueBinding
from service.infrastructure.rabbitmq.connection import CONNECT_SECONDS, with_connection_name
from service.infrastructure.rabbitmq.topology import (
    COMMANDS_EXCHANGE,
    Queue,
    work_queue,
)
from service.settings import Settings


def consuming_broker(settings: Settings) -> RabbitBroker:
    """Return the broker that messages are consumed from; it connects when it is started."""
    return RabbitBroker(
        with_connection_name(settings.rabbitmq_url, "consume"),
        timeout=CONNECT_SECONDS,
        reconnect_interval=1.0,
        # Nothing to wait for: whatever could be finished is finished before, see `graceful_shutdown`.
        graceful_timeout=None,
        app_id="profile-service",
        # The pipeline decodes and validates; FastStream would log what it cannot validate.
        apply_types=False,
        logger=logging.getLogger("profile.faststream"),
        log_level=logging.DEBUG,
    )


def binding_of(operation: Operation[Any, Any], settings: Settings) -> QueueBinding:
    """Return the queue of *operation*, with a channel and a prefetch of its own."""
    return QueueBinding(
        _queue(work_queue(operation, settings.query_queue_type), settings),
        RabbitExchange(COMMANDS_EXCHANGE, durable=True, declare=False, robust=False),
        Channel(prefetch_count=_prefetch(operation, settings)),
    )


def bound_by_topology(name: str, settings: Settings) -> QueueBinding:
    """Return the queue of that *name*, which is of no operation: the topology binds it."""
    queue = _queue(Queue(name, "quorum"), settings)
    return QueueBinding(queue, None, Channel(prefetch_count=settings.prefetch_commands))


def _queue(queue: Queue, settings: Settings) -> RabbitQueue:
    return RabbitQueue(
        queue.name,
        queue_type=QueueType.QUORUM if queue.type == "quorum" else QueueType.CLASSIC,
        durable=True,
        routing_key=queue.name,
        declare=settings.declare_topology,
        robust=False,  # `Consumers` restores it
    )


def _prefetch(operation: Operation[Any, Any], settings: Settings) -> int:
    if operation is AUTH_LOGIN:
        return settings.prefetch_logins
    return settings.prefetch_commands if operation.kind is Kind.COMMAND else settings.prefetch_queries
