"""Both ends of the broker: requests as they arrive, and what is sent in return."""

from dataclasses import dataclass, field
from typing import Any, cast

from aio_pika import IncomingMessage, Message
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.infrastructure.inputports.amqp.outgoing import Publisher

# As RabbitMQ 3.10.8 has written it.
REPLY_TO = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAzMjMwNjAzNgAAAxAAAAAAaweAgQ==.nHjw95yo5ue17c5J8tms8w=="


@dataclass(slots=True)
class FakeBroker(Publisher):
    """Hands out requests and keeps what comes back, in order.

    Attributes:
        journal: What happened: "reply", "dead letter", "retry", "event", "ack", and "requeue" or "drop".
        patience: For how many seconds each reply was to be tried.
        down: Set it to let publishing fail.

    """

    journal: list[str] = field(default_factory=list)
    replies: list[tuple[str, Message, bool]] = field(default_factory=list)
    retries: list[tuple[str, str, Message]] = field(default_factory=list)
    dead_letters: list[tuple[str, Message]] = field(default_factory=list)
    events: list[tuple[str, Message]] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)
    down: Exception | None = None
    is_closed: bool = False

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> bool:
        if self.down:
            raise self.down
        self.patience.append(seconds)
        self.journal.append("reply")
        self.replies.append((queue, message, confirmed))
        return True

    async def dead_letter(self, message: Message, queue: str) -> None:
        if self.down:
            raise self.down
        self.journal.append("dead letter")
        self.dead_letters.append((queue, message))

    async def schedule_retry(self, message: Message, queue: str, delay: str) -> None:
        if self.down:
            raise self.down
        self.journal.append("retry")
        self.retries.append((queue, delay, message))

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:
        if self.down:
            raise self.down
        assert not needed
        self.journal.append("event")
        self.events.append((routing_key, event))

    async def wait_capacity(self) -> None:
        """There is capacity for commands at any time."""

    async def basic_ack(self, **_: object) -> None:
        """Hear that a request is done with; this is what a channel of aiormq is asked."""
        self.journal.append("ack")

    async def basic_reject(self, *, requeue: bool, **_: object) -> None:
        """Hear that a request could not be done with."""
        self.journal.append("requeue" if requeue else "drop")

    def deliver(
        self,
        body: bytes,
        *,
        expiration: str | None = None,
        number: int = 1,
        redelivered: bool = False,
        exchange: str = "",
        **properties: Any,
    ) -> IncomingMessage:
        """Return a request as aio-pika hands it over, on this broker's channel."""
        given = {"correlation_id": "c-1", "reply_to": REPLY_TO, "expiration": expiration, **properties}
        header = ContentHeader(properties=Basic.Properties(**given))
        delivery = Basic.Deliver(
            "consumer", number, redelivered=redelivered, exchange=exchange, routing_key="queue"
        )
        return IncomingMessage(DeliveredMessage(delivery, header, body, cast("AbstractChannel", self)))


def message(**properties: Any) -> IncomingMessage:
    """Return a request without a channel, for code that only looks at it."""
    return FakeBroker().deliver(b"{}", **properties)
