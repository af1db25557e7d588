"""The edge: one request in, at most one reply out, and nothing of it in a log."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from uuid import uuid4

from aio_pika.abc import AbstractIncomingMessage
from pydantic import BaseModel

from profile_contracts.fields import MAX_BODY_BYTES, Request
from profile_contracts.operations import Kind, Operation
from profile_contracts.replies import ErrorBody, Failure
from service.app.clock import Clock
from service.app.request_context import RequestContext
from service.infrastructure.inputports.audit import audit
from service.infrastructure.inputports.commands import named
from service.infrastructure.inputports.deadlines import deadline_of, limit_of, limited, seconds_to_reply
from service.infrastructure.inputports.decoding import (
    MessageIdMalformed,
    MessageTooLarge,
    decode,
    is_utf8,
)
from service.infrastructure.inputports.errors import error_body
from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.inputports.last_resort import LastResort, acknowledge
from service.infrastructure.inputports.outage import Outage
from service.infrastructure.inputports.outcomes import Outcome, ReplyToRefused, log_outcome
from service.infrastructure.inputports.outgoing import (
    MALFORMED,
    Publisher,
    ReplyAddresses,
    dead_letter,
    failure_headers,
    reply_to,
)
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.retries import (
    can_wait,
    deadline_header,
    delay_before_retry,
    passes,
    tried_again,
)
from service.infrastructure.inputports.suspects import Suspects, TooManyDeliveries, refuse_killers
from service.infrastructure.inputports.vouching import REPLAYS, Journey, journey_of, vouch

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=BaseModel)
Translator = Callable[[RequestT, RequestContext], Awaitable[ResultT]]

# Beside the codes of replies: those that could not be sent.
UNANSWERED: Final = "unanswered"


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


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[RequestT, ResultT]):
    """Answers the requests of one operation."""

    operation: Operation[RequestT, Any]
    translate: Translator[RequestT, ResultT]
    edge: Edge

    async def serve(self, message: AbstractIncomingMessage) -> None:
        """Carry out the request in *message*, in its turn if workers have died over it; acknowledge it."""
        outcome: Outcome[RequestT] = Outcome(message.message_id)
        try:
            outcome.is_too_large = len(message.body) > MAX_BODY_BYTES
            if outcome.is_too_large:
                held: Any = message
                held.body = b""  # nothing of it is kept while it waits for its turn
            async with self.edge.suspects.turn(self.operation.queue, message):
                await self._serve(message, outcome)
        except Exception as error:  # noqa: BLE001 - what is not acknowledged holds its place for ever
            last_resort = LastResort(self.edge.publisher, self.edge.clock)
            await last_resort.rescue(message, self.operation.queue, error, reply_to=outcome.reply_to)

    async def _serve(self, message: AbstractIncomingMessage, outcome: Outcome[RequestT]) -> None:
        outcome.reply_to = self.edge.addresses.of(message)
        if not outcome.message_id and not message.reply_to and can_wait(self.operation):
            outcome.message_id = uuid4().hex
        if self.operation.kind is Kind.COMMAND and not outcome.is_too_large:
            await self.edge.room()
        started = time.perf_counter()
        await self._carry_out(message, outcome)
        self.edge.outage.note(outcome.cause)
        if outcome.reply_to:
            await self._reply(message, outcome, outcome.reply_to)
        if outcome.error and outcome.cause:
            await self._put_off_or_aside(message, outcome, outcome.error, outcome.cause)
        await self.edge.in_hand.may_ack()
        await acknowledge(message)
        self._record(message, outcome, time.perf_counter() - started)
        reason = outcome.error.reason if outcome.error else None
        audit(self.operation.queue, reason, outcome.caller, outcome.request, outcome.result)

    async def _carry_out(self, message: AbstractIncomingMessage, outcome: Outcome[RequestT]) -> None:
        try:
            self._admit(message, outcome)
            limit = limit_of(message, self.edge.clock.now().timestamp(), outcome.spent)
            async with limited(limit, self.edge.outage.patience(limit.seconds)):
                outcome.request = decode(self.operation.request, message.body, message.content_type)
                caller = await self.edge.principals.identify(message, self.operation)
                caller = replace(caller, message_id=outcome.message_id)
                outcome.caller = named(caller, self.operation, outcome.request, self.edge.command_key)
                result = await self.translate(outcome.request, outcome.caller)
            outcome.body = b'{"ok":true,"result":%b}' % result.model_dump_json().encode()
            outcome.result = result
        except Exception as error:  # noqa: BLE001 - whatever happens, the caller gets an answer
            outcome.cause, outcome.error = error, error_body(error)
            outcome.body = Failure(error=outcome.error).model_dump_json(exclude_none=True).encode()

    def _admit(self, message: AbstractIncomingMessage, outcome: Outcome[RequestT]) -> None:
        if message.reply_to and not outcome.reply_to:
            raise ReplyToRefused
        if outcome.is_too_large:
            raise MessageTooLarge
        if not is_utf8(message.message_id):
            raise MessageIdMalformed
        refuse_killers(message)

    async def _reply(
        self, message: AbstractIncomingMessage, outcome: Outcome[RequestT], address: str
    ) -> None:
        reply = reply_to(message, self.operation.queue, outcome.body)
        # The reply to a query is not worth a round trip: whoever misses it asks again.
        confirmed = self.operation.kind is Kind.COMMAND
        now = self.edge.clock.now().timestamp()
        seconds = seconds_to_reply(message, now, outcome.spent, confirmed=confirmed)
        if not await self.edge.publisher.reply(reply, address, confirmed=confirmed, seconds=seconds):
            self.edge.outcomes[self.operation.queue, UNANSWERED] += 1
        outcome.reply_to = None

    async def _put_off_or_aside(
        self, message: AbstractIncomingMessage, outcome: Outcome[RequestT], error: ErrorBody, cause: Exception
    ) -> None:
        edge, queue = self.edge, self.operation.queue
        so_far = journey_of(message, edge.command_key)
        journey = replace(so_far, attempts=so_far.attempts + 1)
        headers = failure_headers(error, type(cause).__name__, queue, edge.clock.now(), journey.attempts)
        may_wait = self._may_wait(message, cause)
        if may_wait and (delay := delay_before_retry(so_far.attempts, cause)):
            more = {**headers, **self._to_ourselves(message, outcome, journey)}
            await edge.publisher.schedule_retry(tried_again(message, outcome.message_id, more), queue, delay)
        elif outcome.is_malformed and not edge.addresses.of(message):  # nobody has heard so
            letter = dead_letter(message, outcome.message_id, None, headers)
            await edge.publisher.dead_letter(letter, MALFORMED)
        elif outcome.is_failure or (may_wait and passes(cause)):  # nobody has heard that it was not done
            replays = {REPLAYS: journey.replays} if journey.replays else {}
            letter = dead_letter(message, outcome.message_id, outcome.request, {**headers, **replays})
            await edge.publisher.dead_letter(letter, self.operation.dead_letters)

    def _to_ourselves(
        self, message: AbstractIncomingMessage, outcome: Outcome[RequestT], journey: Journey
    ) -> dict[str, str | int]:
        """Return the headers by which whoever tries *message* again knows what we know."""
        deadline = deadline_of(message, self.edge.clock.now().timestamp(), outcome.spent)
        word = vouch(journey, outcome.message_id, message.body, self.edge.command_key)
        return {**word, **deadline_header(deadline)}

    def _may_wait(self, message: AbstractIncomingMessage, cause: Exception) -> bool:
        """Return whether the request can be tried again later: nobody waits, and it kills no worker."""
        unheard = not message.reply_to
        return can_wait(self.operation) and unheard and not isinstance(cause, TooManyDeliveries)

    def _record(self, message: AbstractIncomingMessage, outcome: Outcome[RequestT], seconds: float) -> None:
        code = outcome.error.code.value if outcome.error else "ok"
        self.edge.outcomes[self.operation.queue, code] += 1
        log_outcome(message, self.operation.queue, outcome, code, seconds)
