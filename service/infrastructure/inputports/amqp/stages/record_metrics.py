"""How long requests take, and what there is to measure about them beside that."""

from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.registry import CollectorRegistry

from profile_contracts.operations import OPERATIONS
from profile_contracts.replies import ErrorCode
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.context import MessageContext

# What the semantic conventions of OpenTelemetry advise for the duration of calls.
_CALL_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
# A message may wait for hours.
_WAIT_SECONDS: Final = (0.005, 0.025, 0.1, 0.5, 1, 5, 30, 60, 300, 1800)
_OK: Final = "ok"


class RecordMetrics:
    """Measures each request: from when we got it until it is acknowledged, and how long it had waited before.

    Of what is counted for an operation, everything is there from the start, so that the first request is a
    difference, too; of the codes of errors, only those that have occurred. Nothing is looked up by label for
    a request: that would cost more than to count it.

    Args:
        registry: Gives the metrics to whoever asks.
        arrivals: What tells when a message first came.

    """

    def __init__(self, registry: CollectorRegistry, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._duration = Histogram(
            "rpc_server_call_duration_seconds",
            "How long a request took, from its delivery to its acknowledgement. Its count has the requests.",
            ("rpc_system_name", "rpc_method", "rpc_response_status_code", "error_type"),
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        waited = Histogram(
            "profile_queue_wait_seconds",
            "How long a request was on the broker, where that says so (BROKER_SETS_TIMESTAMP).",
            ("operation",),
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        expired = Counter(
            "profile_requests_expired",
            "Requests whose deadline had passed before the work on them began.",
            ("operation",),
            registry=registry,
        )
        repeated = Counter(
            "profile_requests_deduplicated",
            "Commands that were carried out before, under the same idempotency key.",
            ("operation",),
            registry=registry,
        )
        names = [each.queue for each in OPERATIONS]
        self._durations = {(each, _OK): self._duration_of(each, _OK) for each in names}
        self._waited = {each: waited.labels(each) for each in names}
        self._expired = {each: expired.labels(each) for each in names}
        self._repeated = {each: repeated.labels(each) for each in names}

    async def __call__(self, context: MessageContext) -> None:
        """Measure it."""
        operation, error, spent = context.route.queue, context.error, context.spent
        code = error.code.value if error else _OK
        duration = self._durations.get((operation, code))
        if duration is None:
            duration = self._durations[operation, code] = self._duration_of(operation, code)
        duration.observe(spent)
        waited = self._arrivals.seconds_in_queue(context.message, spent)
        if waited is not None:
            self._waited[operation].observe(waited)
        if context.is_repeated:
            self._repeated[operation].inc()
        # `Deadline` comes before `Decode`.
        if error and error.code is ErrorCode.DEADLINE_EXCEEDED and context.request is None:
            self._expired[operation].inc()

    def _duration_of(self, operation: str, code: str) -> Histogram:
        return self._duration.labels("rabbitmq", operation, code, "" if code == _OK else code)
