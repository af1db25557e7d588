from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from service.infrastructure.mongo import command_spans
from service.infrastructure.mongo.command_spans import CommandSpans
from service.pkg.trace_context import working_for

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Recorded:
    """The listener, what the driver tells it, and the spans that it has recorded."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.listener: Any = CommandSpans(provider.get_tracer("test"))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def starts(self, request_id: int, name: str = "find", on: object = "profiles", **trace: str) -> None:
        told = SimpleNamespace(
            command={name: on, "filter": {"email": "canary"}},
            command_name=name,
            database_name="db",
            request_id=request_id,
            connection_id=("mongo", 27017),
        )
        with working_for(trace):
            self.listener.started(told)

    def succeeds(self, request_id: int) -> None:
        self.listener.succeeded(SimpleNamespace(request_id=request_id))

    def fails(self, request_id: int, **failure: object) -> None:
        self.listener.failed(SimpleNamespace(request_id=request_id, failure=failure))


def test_a_command_is_a_span_below_that_of_the_message() -> None:
    recorded = Recorded()
    recorded.starts(1, traceparent=CALLER)
    recorded.succeeds(1)
    (span,) = recorded.spans

    assert (span.name, span.kind) == ("find profiles", SpanKind.CLIENT)
    assert (span.context.trace_id, span.parent and span.parent.span_id) == (
        int(CALLER[3:35], 16),
        int(CALLER[36:52], 16),
    )
    assert span.attributes == {
        "db.system.name": "mongodb",
        "db.namespace": "db",
        "db.operation.name": "find",
        "db.collection.name": "profiles",
        "server.address": "mongo",
        "server.port": 27017,
    }


def test_what_nobody_traces_is_no_span() -> None:
    recorded = Recorded()
    recorded.starts(1)
    recorded.succeeds(1)
    recorded.fails(2, code=1)

    assert recorded.spans == ()


def test_a_command_that_is_about_no_collection_is_named_by_itself() -> None:
    recorded = Recorded()
    recorded.starts(1, "commitTransaction", 1, traceparent=CALLER)
    recorded.succeeds(1)

    assert recorded.spans[0].name == "commitTransaction"


def test_a_failure_is_a_code_and_not_a_text() -> None:
    recorded = Recorded()
    recorded.starts(1, traceparent=CALLER)
    recorded.fails(1, code=11000, errmsg="canary")
    recorded.starts(2, traceparent=CALLER)
    recorded.fails(2, errtype="AutoReconnect")
    duplicate, lost = (each.attributes or {} for each in recorded.spans)

    assert (duplicate["error.type"], duplicate["db.response.status_code"]) == ("11000", "11000")
    assert lost["error.type"] == "AutoReconnect"
    assert {each.status.status_code for each in recorded.spans} == {StatusCode.ERROR}
    assert "canary" not in "".join(each.to_json() for each in recorded.spans)


def test_what_the_driver_never_ends_is_ended_when_there_are_many() -> None:
    recorded = Recorded()
    for number in range(command_spans.MOST_OPEN + 1):
        recorded.starts(number, traceparent=CALLER)

    assert len(recorded.spans) == 1
