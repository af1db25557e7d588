"""All that happens to a message, in order: read it from top to bottom.

Each line names for which messages a stage is there. A stage is one class in one file in `stages/`; a new one
is such a file, and a line here. What is not for a queue, or is `None`, costs its messages nothing.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from service.app.clock import Clock
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.outgoing import Publisher
from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy
from service.infrastructure.inputports.amqp.route import (
    is_answered,
    is_any,
    is_command,
    is_command_or_unroutable,
    is_event,
    is_handled,
    is_query,
    is_request,
    is_retryable,
    is_unroutable,
)
from service.infrastructure.inputports.amqp.stage import Pipeline, Stage
from service.infrastructure.inputports.amqp.stages.acknowledge import Acknowledge
from service.infrastructure.inputports.amqp.stages.add_idempotency_key import AddIdempotencyKey
from service.infrastructure.inputports.amqp.stages.assign_message_id import AssignMessageId
from service.infrastructure.inputports.amqp.stages.audit import Audit
from service.infrastructure.inputports.amqp.stages.authenticator import Authenticator
from service.infrastructure.inputports.amqp.stages.body_limit import BodyLimit
from service.infrastructure.inputports.amqp.stages.check_envelope import CheckEnvelope
from service.infrastructure.inputports.amqp.stages.circuit_breaker import CircuitBreaker
from service.infrastructure.inputports.amqp.stages.count_and_log import CountAndLog
from service.infrastructure.inputports.amqp.stages.deadline import Deadline
from service.infrastructure.inputports.amqp.stages.decode import Decode
from service.infrastructure.inputports.amqp.stages.decode_event import DecodeEvent
from service.infrastructure.inputports.amqp.stages.drop_on_failure import DropOnFailure
from service.infrastructure.inputports.amqp.stages.encode_result import EncodeResult
from service.infrastructure.inputports.amqp.stages.handle import Handle
from service.infrastructure.inputports.amqp.stages.last_resort import LastResort
from service.infrastructure.inputports.amqp.stages.outbox_capacity import OutboxCapacity
from service.infrastructure.inputports.amqp.stages.publish_command_failed import PublishCommandFailed
from service.infrastructure.inputports.amqp.stages.record_metrics import RecordMetrics
from service.infrastructure.inputports.amqp.stages.redelivery_quarantine import RedeliveryQuarantine
from service.infrastructure.inputports.amqp.stages.reject_poison import RejectPoison
from service.infrastructure.inputports.amqp.stages.reject_unknown_operation import RejectUnknownOperation
from service.infrastructure.inputports.amqp.stages.reply import Reply
from service.infrastructure.inputports.amqp.stages.resolve_reply_to import ResolveReplyTo
from service.infrastructure.inputports.amqp.stages.retry_or_dead_letter import RetryOrDeadLetter
from service.infrastructure.inputports.amqp.stages.retry_or_dead_letter_event import RetryOrDeadLetterEvent
from service.pkg.key_source import KeySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What stages work with.

    Attributes:
        wait_capacity: Waits until the events of further commands can be published.
        in_flight: Knows when messages may be acknowledged.
        arrivals: What tells when a message first came.
        sender_keys: The secrets by which workers sign for senders.
        digest_keys: Those of command digests.
        former_digest_keys: Those of command digests that version 0.1 has stored.
        outcomes: How many messages of each queue ended with each code.
        record_metrics: Measures requests, if anybody can ask for it.
        trace: Records spans, if somebody wants them: OpenTelemetry is an extra.

    """

    authenticator: Authenticator
    publisher: Publisher
    reply_to_policy: ReplyToPolicy
    clock: Clock
    wait_capacity: Callable[[], Awaitable[None]]
    circuit_breaker: CircuitBreaker
    in_flight: InFlight
    arrivals: Arrivals
    sender_keys: KeySource
    digest_keys: KeySource
    former_digest_keys: KeySource
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    record_metrics: RecordMetrics | None = None
    trace: Stage | None = None


def pipeline(needs: Dependencies) -> Pipeline:
    """Return the pipeline of this service."""
    publisher, clock, outcomes = needs.publisher, needs.clock, needs.outcomes
    return Pipeline(
        # From arrival to the end.
        around=(
            (is_handled, LastResort(publisher, clock, needs.in_flight)),
            (is_unroutable, DropOnFailure(needs.in_flight)),
            (is_handled, needs.trace),
            (is_request, BodyLimit()),
            (is_request, RedeliveryQuarantine()),
        ),
        # Whoever raises here ends the way in: that is the outcome.
        way_in=(
            (is_retryable, AssignMessageId()),
            (is_answered, ResolveReplyTo(needs.reply_to_policy)),
            (is_request, CheckEnvelope()),
            (is_handled, RejectPoison()),
            (is_unroutable, RejectUnknownOperation()),
            (is_command, OutboxCapacity(needs.wait_capacity)),
            (is_handled, needs.circuit_breaker),
            (is_request, Deadline(clock, needs.circuit_breaker.db_timeout)),
            (is_request, Decode()),
            (is_event, DecodeEvent()),
            (is_request, needs.authenticator),
            (is_command, AddIdempotencyKey(needs.digest_keys, needs.former_digest_keys)),
            (is_request, EncodeResult()),
            (is_handled, Handle()),
        ),
        # All of this, whatever the outcome is.
        way_out=(
            (is_query, Reply(publisher, clock, outcomes, confirmed=False)),
            (is_command_or_unroutable, Reply(publisher, clock, outcomes, confirmed=True)),
            (is_request, RetryOrDeadLetter(publisher, clock, needs.sender_keys, needs.arrivals)),
            (is_event, RetryOrDeadLetterEvent(publisher, clock, needs.sender_keys)),
            (is_command, PublishCommandFailed(publisher, clock, needs.digest_keys)),
            (is_any, Acknowledge(needs.in_flight)),
            (is_any, CountAndLog(outcomes)),
            (is_request, needs.record_metrics),
            (is_request, Audit()),
        ),
    )
