"""One span of a trace for each command that MongoDB is sent for a message."""

from typing import Any, Final

from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from service.pkg.trace_context import current_trace

_PROPAGATOR: Final[TextMapPropagator] = TraceContextTextMapPropagator()
# Of what was cancelled the driver never says how it ended.
MOST_OPEN: Final = 1_000


class CommandSpans(CommandListener):
    """Records what MongoDB is asked, where somebody traces it; nothing of what it is asked with.

    A query that several requests wait for belongs to the trace of the first of them. Names are those of
    OpenTelemetry's semantic conventions for MongoDB.

    Args:
        tracer: Makes spans, and sends them.

    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[int, Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Begin a span, if the current task works for a trace."""
        if not (trace := current_trace()):
            return
        if len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open))).end()
        collection = event.command.get(event.command_name)
        about: dict[str, Any] = {
            "db.system.name": "mongodb",
            "db.namespace": event.database_name,
            "db.operation.name": event.command_name,
            "server.address": event.connection_id[0],
        }
        if isinstance(collection, str):
            about["db.collection.name"] = collection
        if event.connection_id[1]:
            about["server.port"] = event.connection_id[1]
        name = " ".join((event.command_name, about.get("db.collection.name", ""))).strip()
        parent = _PROPAGATOR.extract(trace)
        self._open[event.request_id] = self._tracer.start_span(name, parent, SpanKind.CLIENT, about)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """End the span."""
        if span := self._open.pop(event.request_id, None):
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        """End the span with the code of the error, whose text may quote what was stored."""
        if span := self._open.pop(event.request_id, None):
            code = event.failure.get("code")
            span.set_attribute("error.type", str(code or event.failure.get("errtype", "_OTHER")))
            if code is not None:
                span.set_attribute("db.response.status_code", str(code))
            span.set_status(StatusCode.ERROR)
            span.end()
