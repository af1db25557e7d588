"""One span of a trace: what we did about a message."""

from typing import Any, Final

from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from profile_contracts.replies import ErrorCode
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.pkg.message_fields import readable_text, trace_header
from service.pkg.trace_context import working_for

_PROPAGATOR: Final[TextMapPropagator] = TraceContextTextMapPropagator()
# What is our fault. To refuse a request is an answer.
_FAULTS: Final = frozenset({ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE})


class Trace:
    """Records a span for each message, which continues the trace of its sender.

    Reads the header `traceparent` (W3C Trace Context). What is sent or stored meanwhile carries the span on:
    retries, dead letters, events. Names are those of OpenTelemetry's semantic conventions for RPC and for
    messaging; nothing of a body is recorded, nor the text of an error.

    Args:
        tracer: Makes spans, and sends them.

    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Go on inside of a span."""
        queue, message = context.route.queue, context.message
        is_rpc = message.reply_to is not None
        with self._tracer.start_as_current_span(
            queue if is_rpc else f"process {queue}",
            _PROPAGATOR.extract(trace_header(message.headers)),
            SpanKind.SERVER if is_rpc else SpanKind.CONSUMER,
            _attributes(context),
            record_exception=False,  # its text may quote what was sent
            set_status_on_exception=False,
        ) as span:
            carried: dict[str, str] = {}
            _PROPAGATOR.inject(carried)
            with working_for(trace_header(carried)):
                await call_next(context)
            _say_how_it_ended(span, context)


def _attributes(context: MessageContext) -> dict[str, Any]:
    message, queue = context.message, context.route.queue
    known = {
        "rpc.system.name": "rabbitmq",
        "rpc.method": queue,
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        "messaging.message.id": readable_text(message.message_id),
        "messaging.message.conversation_id": readable_text(message.correlation_id),
        "messaging.message.body.size": len(message.body),
    }
    return {name: value for name, value in known.items() if value is not None}


def _say_how_it_ended(span: Span, context: MessageContext) -> None:
    error = context.error
    span.set_attribute("rpc.response.status_code", error.code.value if error else "ok")
    if error:
        span.set_attribute("error.type", error.reason)
        if error.code in _FAULTS:
            span.set_status(StatusCode.ERROR)
