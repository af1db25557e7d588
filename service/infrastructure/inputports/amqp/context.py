"""One message on its way through the pipeline."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.replies import ErrorBody
from service.app.request_context import RequestContext
from service.infrastructure.inputports.amqp.errors import error_body
from service.infrastructure.inputports.amqp.route import Route


@dataclass(slots=True)
class MessageContext:
    """A message, where it came from, and what became of it: all that stages know of each other.

    Attributes:
        message: As the broker has delivered it.
        route: Where it came from.
        arrived: When we got it, by the clock of `time.perf_counter`.
        started: When the work on it began.
        message_id: The name by which it is known; `AssignMessageId` gives it one if its sender has not.
        is_too_large: Whether `BodyLimit` has dropped its body unread.
        reply_to: Where somebody waits for a reply, as `ResolveReplyTo` has found.
        replied: Whether the reply was sent, or given up.
        request: What `Decode` has read.
        caller: Who asks, as `Authenticator` has found; with the idempotency key of a command.
        result: What the handler has returned.
        body: The same as a reply.
        cause: What the way in ended with, if it failed.
        error: The same as a reply says it.
        will_be_retried: Whether it waits to be tried again, as `RetryOrDeadLetter` has decided.
        is_repeated: Whether it is a command that was carried out before, as the use case has found.

    """

    message: AbstractIncomingMessage
    route: Route
    arrived: float = field(default_factory=time.perf_counter)
    started: float = 0.0
    message_id: str | None = None
    is_too_large: bool = False
    reply_to: str | None = None
    replied: bool = False
    request: Any = None
    caller: RequestContext | None = None
    result: Any = None
    body: bytes = b""
    cause: Exception | None = None
    error: ErrorBody | None = None
    will_be_retried: bool = False
    is_repeated: bool = False

    @property
    def spent(self) -> float:
        """The seconds since the message arrived."""
        return time.perf_counter() - self.arrived

    def fail(self, cause: Exception) -> None:
        """Note that the way in ended with *cause*."""
        self.cause, self.error = cause, error_body(cause)

    def mark_repeated(self) -> None:
        """Note that this very command was carried out before."""
        self.is_repeated = True


# The rest of the pipeline, as a stage sees it.
CallNext = Callable[[MessageContext], Awaitable[None]]
