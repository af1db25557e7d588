"""What the input port sends: replies and dead letters. The ports, and what may go through them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.fields import Request
from profile_contracts.operations import NON_PERSONAL_FIELDS
from profile_contracts.replies import ErrorBody
from service.pkg.direct_replies import DirectReplyKey
from service.pkg.message_fields import short_text, trace_header

# Queues that were declared without a name: RabbitMQ has given them one.
_BROKER_NAMED: Final = re.compile(r"amq\.gen-[A-Za-z0-9_-]+")

OURS: Final[dict[str, Any]] = {"content_type": "application/json", "app_id": "profile-service"}


# No caller's name or prefix opens these.
OWN_QUEUES: Final = re.compile(r"(auth|post|profile)\.|amq\.(?!gen-|rabbitmq\.reply-to\.)")

# Where letters go that are of no use to anybody but whoever has made the mistake.
MALFORMED: Final = "profile.malformed.dlq"


class Publisher(Protocol):
    """Writes what the input port has to say."""

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> bool:
        """Send a reply and, if *confirmed*, wait until the broker has it; give up after some *seconds*.

        A caller may be gone. Return whether it was not given up.
        """

    async def dead_letter(self, message: Message, queue: str) -> None:
        """Put a dead letter into *queue*; return only when the broker has it."""

    async def schedule_retry(self, message: Message, queue: str, delay: str) -> None:
        """Let a message wait in *delay* and then come to *queue*; return only when the broker has it."""


@dataclass(frozen=True, slots=True)
class ReplyAddresses:
    """The queues that replies may be written to. Anything else would let callers write anywhere.

    Attributes:
        prefixes: How queues begin that callers may name themselves, beside those that begin with the name
            of their broker user and a dot.

    """

    prefixes: tuple[str, ...] = ()

    def allow(self, reply_to: str, user: str | None = None) -> bool:
        """Return whether a reply may be sent to *reply_to*, for which *user* asks as RabbitMQ vouches."""
        if OWN_QUEUES.match(reply_to):
            return False
        return (
            _BROKER_NAMED.fullmatch(reply_to) is not None
            or DirectReplyKey.parse(reply_to) is not None
            or (bool(self.prefixes) and reply_to.startswith(self.prefixes))
            or (bool(user) and reply_to.startswith(f"{user}."))
        )

    def of(self, message: AbstractIncomingMessage) -> str | None:
        """Return where a reply to *message* goes, or `None` if nobody waits or nothing may be sent there."""
        wanted = message.reply_to
        return wanted if wanted and self.allow(wanted, message.user_id) else None


def reply_to(request: AbstractIncomingMessage, operation: str, body: bytes) -> Message:
    """Return the reply to *request*. A missing correlation id is stood in for by its message id."""
    return Message(
        body,
        type=f"{operation}.reply",
        correlation_id=short_text(request.correlation_id or request.message_id),
        **OURS,
    )


def dead_letter(
    request: AbstractIncomingMessage,
    message_id: str | None,
    decoded: Request | None,
    headers: Mapping[str, str | int],
) -> Message:
    """Return what is kept of *request*, which went by *message_id*: nothing secret, nothing personal.

    Operators can send it back only if that is all that was asked.
    """
    whole = decoded is not None and decoded.model_fields_set <= NON_PERSONAL_FIELDS
    kept = decoded.model_dump(mode="json", include=set(NON_PERSONAL_FIELDS)) if decoded else {}
    return Message(
        json.dumps(kept).encode(),
        headers={**headers, **trace_header(request.headers), "x-replayable": whole},
        message_id=short_text(message_id),
        correlation_id=short_text(request.correlation_id),
        delivery_mode=DeliveryMode.PERSISTENT,
        **OURS,
    )


def failure_headers(
    error: ErrorBody, error_type: str, queue: str, now: datetime, attempts: int
) -> dict[str, str | int]:
    """Return the headers that tell operators why a request is in a dead-letter queue."""
    return {
        "x-error-code": error.code.value,
        "x-error-reason": error.reason,
        "x-error-type": error_type,
        "x-failed-at": now.isoformat(timespec="milliseconds"),
        "x-original-queue": queue,
        "x-attempts": attempts,
    }
