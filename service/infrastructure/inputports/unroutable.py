"""Requests with a routing key that no operation has: the sender hears so, and nothing of them is kept.

The broker takes them by the alternate exchange, so it neither returns nor refuses them. They may hold
passwords and tokens, and nobody will ever carry them out.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.replies import ErrorCode, Failure
from service.domain.errors import Invalid
from service.infrastructure.inputports.errors import error_body
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.last_resort import acknowledge
from service.infrastructure.inputports.outgoing import Publisher, ReplyAddresses, reply_to

_REPLY_SECONDS: Final = 5.0
# A key is logged only if it looks like a mistyped operation, and not like a value.
_LIKE_A_QUEUE: Final = re.compile(r"[a-z_]{1,20}(\.[a-z_]{1,20}){0,2}")

_log = structlog.get_logger("profile.requests")


class UnknownOperation(Invalid):
    """No queue is bound to the routing key."""

    reason = "unknown_operation"
    message = "There is no such operation: the routing key is wrong."


_BODY: Final = Failure(error=error_body(UnknownOperation())).model_dump_json(exclude_none=True).encode()


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Answers what no operation's queue has taken.

    Attributes:
        queue: Where the broker puts it.
        outcomes: Counts it among the requests.

    """

    queue: str
    publisher: Publisher
    addresses: ReplyAddresses
    in_hand: InHand
    outcomes: Counter[tuple[str, str]]

    async def serve(self, message: AbstractIncomingMessage) -> None:
        """Say to whoever waits for a reply to *message* that there will be none; drop it."""
        try:
            await self._answer(message)
        except Exception as error:  # noqa: BLE001 - there is nothing in it that anybody needs
            _log.error("handling failed", queue=self.queue, error_type=type(error).__name__)
        await self.in_hand.may_ack()
        await acknowledge(message)

    async def _answer(self, message: AbstractIncomingMessage) -> None:
        key = message.routing_key or ""
        self.outcomes[self.queue, ErrorCode.INVALID.value] += 1
        _log.warning(
            "unknown operation",
            routing_key=key if _LIKE_A_QUEUE.fullmatch(key) else "?",
            service=message.user_id,
            correlation_id=message.correlation_id or message.message_id,
        )
        if address := self.addresses.of(message):
            reply = reply_to(message, self.queue, _BODY)
            await self.publisher.reply(reply, address, confirmed=True, seconds=_REPLY_SECONDS)
