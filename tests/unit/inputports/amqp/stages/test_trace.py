from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from service.domain.errors import NotFound, Unavailable
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.trace import Trace
from service.pkg.message_fields import trace_header
from service.pkg.trace_context import current_trace
from tests.fakes.broker import REPLY_TO
from tests.unit.inputports.amqp.stages.running import Rest, a_context

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID, SPAN_ID = int(CALLER[3:35], 16), int(CALLER[36:52], 16)


class Recorded:
    """The stage, and the spans that it has recorded."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.stage = Trace(provider.get_tracer("test"))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    async def of(self, context: MessageContext, cause: Exception | None = None) -> ReadableSpan:
        """Return the span of *context*, which fails with *cause*."""

        async def rest(context: MessageContext) -> None:
            if cause:
                context.fail(cause)

        await self.stage(context, rest)
        return self.spans[-1]


async def test_a_request_continues_the_trace_of_its_caller() -> None:
    sent = {"traceparent": CALLER, "tracestate": "vendor=canary"}
    context = a_context(b"{}", reply_to=REPLY_TO, headers=sent, message_id="m-1", correlation_id="c-1")
    span = await Recorded().of(context)

    assert (span.name, span.kind) == ("profile.get", SpanKind.SERVER)
    assert span.context.trace_id == TRACE_ID
    assert span.parent is not None
    assert span.parent.span_id == SPAN_ID
    assert span.attributes == {
        "rpc.system.name": "rabbitmq",
        "rpc.method": "profile.get",
        "rpc.response.status_code": "ok",
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "profile.get",
        "messaging.message.id": "m-1",
        "messaging.message.conversation_id": "c-1",
        "messaging.message.body.size": 2,
    }


async def test_names_that_are_no_utf8_are_such_that_they_can_be_exported() -> None:
    context = a_context(reply_to=REPLY_TO, message_id="caf\udce9", correlation_id="\udcff1")
    attributes = (await Recorded().of(context)).attributes or {}

    assert attributes["messaging.message.id"] == "caf\ufffd"
    assert attributes["messaging.message.conversation_id"] == "\ufffd1"


@pytest.mark.parametrize("header", ["canary", 7, None, "00-" + 32 * "0" + "-b7ad6b7169203331-01"])
async def test_what_is_no_trace_begins_a_new_one(header: object) -> None:
    span = await Recorded().of(a_context(reply_to=None, headers={"traceparent": header}))

    assert (span.name, span.kind, span.parent) == ("process profile.get", SpanKind.CONSUMER, None)


@pytest.mark.parametrize(
    ("cause", "code", "kind", "status"),
    [
        (NotFound(), "not_found", "not_found", StatusCode.UNSET),
        (Unavailable(), "unavailable", "unavailable", StatusCode.ERROR),
        (KeyError("canary"), "internal", "internal_error", StatusCode.ERROR),
    ],
)
async def test_only_what_is_our_fault_is_an_error(
    cause: Exception, code: str, kind: str, status: StatusCode
) -> None:
    span = await Recorded().of(a_context(), cause)
    attributes = span.attributes or {}

    assert (attributes["rpc.response.status_code"], attributes["error.type"]) == (code, kind)
    assert span.status.status_code is status
    assert "canary" not in span.to_json()


async def test_what_is_sent_meanwhile_carries_the_span_on() -> None:
    recorded, seen = Recorded(), []

    async def rest(context: MessageContext) -> None:
        seen.append((trace_header(context.message.headers), current_trace()))

    await recorded.stage(a_context(headers={"traceparent": CALLER}), rest)
    [(header, current)] = seen
    [span] = recorded.spans

    assert header == current
    assert header["traceparent"][:36] == CALLER[:36]
    assert int(header["traceparent"][36:52], 16) == span.context.span_id
    assert current_trace() == {}


async def test_what_is_raised_goes_on_and_leaves_no_text() -> None:
    recorded = Recorded()

    with pytest.raises(KeyError):
        await recorded.stage(a_context(), Rest(KeyError("canary")))
    [span] = recorded.spans
    assert "canary" not in span.to_json()
    assert current_trace() == {}
