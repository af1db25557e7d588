"""Requests with a routing key that no operation has."""

import re
from typing import Final

import structlog

from service.domain.errors import Invalid
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext

# A key is logged only if it looks like a mistyped operation, and not like a value.
_LIKE_A_QUEUE: Final = re.compile(r"[a-z_]{1,20}(\.[a-z_]{1,20}){0,2}")

_log = structlog.get_logger("profile.requests")


class UnknownOperation(Invalid):
    """No queue is bound to the routing key."""

    reason = "unknown_operation"
    message = "There is no such operation: the routing key is wrong."


class RejectUnknownOperation:
    """Refuses what no operation's queue has taken: answers `invalid`, `unknown_operation`.

    The broker takes such a message by the alternate exchange (RabbitMQ documentation, "Alternate Exchanges"),
    so it neither returns nor refuses it. It may hold passwords and tokens, and nothing of it is kept.
    """

    async def __call__(self, context: MessageContext, _call_next: CallNext) -> None:
        """Raise `UnknownOperation`."""
        key = context.message.routing_key or ""
        _log.warning("unknown operation", routing_key=key if _LIKE_A_QUEUE.fullmatch(key) else "?")
        raise UnknownOperation
