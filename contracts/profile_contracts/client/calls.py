"""One call, and the message that is made of it."""

import time
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from aio_pika import DeliveryMode, Message

from profile_contracts.call_options import CallOptions, headers, idempotency_key
from profile_contracts.errors import NotSent
from profile_contracts.fields import MAX_BODY_BYTES
from profile_contracts.operations import Kind, Operation


class _RequestMessage(Message):
    """A message that says nothing of itself: aio-pika logs each one at DEBUG, with the access token in it."""

    def __repr__(self) -> str:
        return "<request>"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be sent several times, under one key and up to one deadline.

    Attributes:
        deadline: When the caller gives up, in seconds since 1970; None if it is fire-and-forget.
        user: The broker user that sends it: RabbitMQ validates it, so that the service knows who asks.

    """

    operation: Operation[Any, Any]
    body: bytes = field(repr=False)
    headers: dict[str, Any] = field(repr=False)
    key: str
    user: str | None
    deadline: float | None

    @classmethod
    def of(
        cls,
        operation: Operation[Any, Any],
        body: bytes,
        token: str | None,
        options: CallOptions,
        *,
        user: str | None,
        deadline: float | None,
    ) -> Self:
        """Return the call, or raise `NotSent` if it can't be sent like that."""
        if len(body) > MAX_BODY_BYTES:
            message = f"The request to {operation.queue} is larger than {MAX_BODY_BYTES} bytes."
            raise NotSent(message)
        key = idempotency_key(options)
        return cls(operation, body, headers(token, options), key, user, deadline)

    def message(self, reply_to: str) -> Message:
        """Return it as it is sent now; each time it says how much of its time is left.

        The reply comes to *reply_to*, if there is to be one.
        """
        command = self.operation.kind is Kind.COMMAND
        return _RequestMessage(
            self.body,
            headers={**self.headers, **self._deadline_header()},
            content_type="application/json",
            reply_to=reply_to if self.deadline else None,
            correlation_id=uuid4().hex,
            message_id=self.key,
            type=self.operation.queue,
            expiration=self.seconds_left() if self.deadline else None,
            user_id=self.user,
            delivery_mode=DeliveryMode.PERSISTENT if command else DeliveryMode.NOT_PERSISTENT,
        )

    def seconds_left(self) -> float:
        """Return how long the caller still waits; 0 if it does not."""
        return max(0.0, self.deadline - time.time()) if self.deadline else 0.0

    def _deadline_header(self) -> dict[str, int]:
        return {"x-deadline": int(self.deadline * 1000)} if self.deadline else {}
