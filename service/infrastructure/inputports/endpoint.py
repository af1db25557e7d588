"""The edge: one request in, at most one reply out, and nothing of it in a log."""

import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog
from aio_pika.abc import AbstractIncomingMessage
from pydantic import BaseModel

from profile_contracts.fields import Request
from profile_contracts.operations import Kind, Operation
from profile_contracts.replies import ErrorBody, Failure
from service.app.auth.actors import Caller
from service.app.clock import Clock
from service.domain.errors import Invalid, ServiceError
from service.infrastructure.inputports.audit import audit
from service.infrastructure.inputports.commands import named
from service.infrastructure.inputports.deadlines import limited, seconds_left, seconds_to_reply
from service.infrastructure.inputports.decoding import Malformed, decode
from service.infrastructure.inputports.errors import error_body
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.outage import Outage
from service.infrastructure.inputports.outgoing import (
    Publisher,
    ReplyAddresses,
    dead_letter,
    failure_headers,
    reply_to,
)
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.retries import (
    attempts,
    can_wait,
    deadline_of,
    delay_before_retry,
    tried_again,
)
from service.infrastructure.inputports.suspects import Suspects, TooManyDeliveries, refuse_killers
from service.infrastructure.inputports.vouching import vouch

Asked = TypeVar("Asked", bound=Request)
Answered = TypeVar("Answered", bound=BaseModel)
Translator = Callable[[Asked, Caller], Awaitable[Answered]]

_log = structlog.get_logger("profile.requests")


class ReplyToRefused(Invalid):
    """Replies are not sent to this queue."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What all endpoints share.

    Attributes:
        room: Waits until what commands would tell the world can be told.
        outage: Hears what requests meet with, and tells how long they may wait for the database.
        command_key: A secret, to tell commands from each other.
        in_hand: Knows when messages may be acknowledged.
        outcomes: How many requests of each operation ended with each code.

    """

    principals: Principals
    publisher: Publisher
    addresses: ReplyAddresses
    clock: Clock
    room: Callable[[], Awaitable[None]]
    outage: Outage
    in_hand: InHand
    command_key: bytes = field(repr=False)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    suspects: Suspects = field(default_factory=Suspects)


@dataclass(slots=True)
class Outcome(Generic[Asked]):
    """What became of a request."""

    body: bytes = b""
    error: ErrorBody | None = None
    cause: Exception | None = None
    request: Asked | None = None
    caller: Caller | None = None
    result: BaseModel | None = None

    @property
    def is_dead(self) -> bool:
        """Whether the request has to be looked at by a person: it was malformed, or we failed."""
        return isinstance(self.cause, Malformed | ReplyToRefused) or not isinstance(
            self.cause, ServiceError | None
        )


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Asked, Answered]):
    """Answers the requests of one operation."""

    operation: Operation[Asked, Any]
    translate: Translator[Asked, Answered]
    edge: Edge

    async def serve(self, message: AbstractIncomingMessage) -> None:
        """Carry out the request in *message*, in its turn if workers have died over it; acknowledge it."""
        arrived = time.perf_counter()
        async with self.edge.suspects.turn(self.operation.queue, message):
            await self._serve(message, arrived)

    async def _serve(self, message: AbstractIncomingMessage, arrived: float) -> None:
        if self.operation.kind is Kind.COMMAND:
            await self.edge.room()
        started = time.perf_counter()
        outcome = await self._outcome(message, started - arrived)
        self.edge.outage.note(outcome.cause)
        if message.reply_to and not isinstance(outcome.cause, ReplyToRefused):
            await self._reply(message, outcome, time.perf_counter() - arrived)
        if outcome.error and outcome.cause:
            await self._put_off_or_aside(message, outcome, outcome.error, outcome.cause)
        await self.edge.in_hand.may_ack()
        await message.ack()
        self._record(message, outcome, time.perf_counter() - started)
        reason = outcome.error.reason if outcome.error else None
        audit(self.operation.queue, reason, outcome.caller, outcome.request, outcome.result)

    async def _outcome(self, message: AbstractIncomingMessage, spent: float) -> Outcome[Asked]:
        outcome: Outcome[Asked] = Outcome()
        try:
            self._admit(message)
            seconds = seconds_left(message, self.edge.clock.now().timestamp(), spent)
            async with limited(seconds, self.edge.outage.patience(seconds)):
                outcome.request = decode(self.operation.request, message.body, message.content_type)
                caller = await self.edge.principals.identify(message, self.operation)
                outcome.caller = named(caller, self.operation, outcome.request, self.edge.command_key)
                result = await self.translate(outcome.request, outcome.caller)
            outcome.result = result
            outcome.body = b'{"ok":true,"result":%b}' % result.model_dump_json().encode()
        except Exception as error:  # noqa: BLE001 - whatever happens, the caller gets an answer
            outcome.cause, outcome.error = error, error_body(error)
            outcome.body = Failure(error=outcome.error).model_dump_json(exclude_none=True).encode()
        return outcome

    def _admit(self, message: AbstractIncomingMessage) -> None:
        if message.reply_to and not self.edge.addresses.allow(message.reply_to):
            raise ReplyToRefused
        refuse_killers(message)

    async def _reply(self, message: AbstractIncomingMessage, outcome: Outcome[Asked], spent: float) -> None:
        reply = reply_to(message, self.operation.queue, outcome.body)
        # The reply to a query is not worth a round trip: whoever misses it asks again.
        confirmed = self.operation.kind is Kind.COMMAND
        seconds = seconds_to_reply(message, self.edge.clock.now().timestamp(), spent)
        await self.edge.publisher.reply(reply, message.reply_to or "", confirmed=confirmed, seconds=seconds)

    async def _put_off_or_aside(
        self, message: AbstractIncomingMessage, outcome: Outcome[Asked], error: ErrorBody, cause: Exception
    ) -> None:
        edge, queue, now = self.edge, self.operation.queue, self.edge.clock.now()
        headers = failure_headers(error, type(cause).__name__, queue, now, attempts(message) + 1)
        if self._may_wait(message, cause) and (delay := delay_before_retry(message, cause)):
            more = {**headers, **vouch(message, edge.command_key), **deadline_of(message, now)}
            await edge.publisher.retry_later(tried_again(message, more), queue, delay)
        elif outcome.is_dead:
            letter = dead_letter(message, outcome.request, headers)
            await edge.publisher.set_aside(letter, self.operation.dead_letters)

    def _may_wait(self, message: AbstractIncomingMessage, cause: Exception) -> bool:
        """Return whether the request can be tried again later: nobody waits, and it kills no worker."""
        unheard = not message.reply_to
        return can_wait(self.operation) and unheard and not isinstance(cause, TooManyDeliveries)

    def _record(self, message: AbstractIncomingMessage, outcome: Outcome[Asked], seconds: float) -> None:
        code = outcome.error.code.value if outcome.error else "ok"
        self.edge.outcomes[self.operation.queue, code] += 1
        log = _log.bind(
            operation=self.operation.queue,
            correlation_id=message.correlation_id or message.message_id,
            service=message.user_id,
            code=code,
            reason=outcome.error.reason if outcome.error else None,
            ms=round(seconds * 1000, 2),
        )
        if outcome.cause is None or isinstance(outcome.cause, ServiceError):
            log.info("request")
        else:  # its message may quote what was sent, so only where and what kind
            frames = traceback.extract_tb(outcome.cause.__traceback__)
            where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
            log.error("request failed", error_type=type(outcome.cause).__name__, frames=where)
