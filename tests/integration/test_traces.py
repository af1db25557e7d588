"""A worker that sends its traces: over OTLP, to whoever the SDK's own variables name."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.identity.events import listening
from tests.integration.replies import result
from tests.integration.requests import a_request
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def collecting() -> Iterator[tuple[int, list[Span]]]:
    """Give a port that takes traces, and the spans that have come."""
    spans: list[Span] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            spans.extend(
                span for each in sent.resource_spans for scope in each.scope_spans for span in scope.spans
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], spans
        server.shutdown()


async def test_one_trace_leads_from_the_caller_to_the_event_and_what_follows_from_it(
    servers: Servers, tmp_path: Path
) -> None:
    with collecting() as (port, spans), isolated_sandbox(servers) as env:
        settings = {
            **settings_for(env),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        async with (
            connected(env.service_url, exchange="") as service,
            listening(env.admin_url) as listener,
            working(env, tmp_path, settings) as worker,
        ):
            profile = result(await service.ask("profile.create", a_request("profile.create")))
            change = {"id": profile["id"], "last_name": "King"}
            await service.ask(
                "profile.update",
                change,
                message_id=uuid4().hex,
                headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
            )

            async def in_the_trace() -> dict[str, Span]:
                found = {each.name: each for each in spans if each.trace_id.hex() == TRACE}
                # What follows from a request may be done before the request's own span has ended.
                return found if {"profile.update", "process profile.followup"} <= found.keys() else {}

            found = await eventually(in_the_trace, within=30)
            log = worker.log.read_text()
        [event] = [each for each in listener.messages if each.routing_key == "profile.updated"]

    request, cascade = found["profile.update"], found["process profile.followup"]
    assert request.parent_span_id.hex() == CALLER
    assert event.headers["traceparent"] == f"00-{TRACE}-{request.span_id.hex()}-01"
    assert cascade.parent_span_id == request.span_id
    for command in ("find profiles", "update profiles"):
        assert found[command].parent_span_id == request.span_id
        assert found[command].kind == Span.SPAN_KIND_CLIENT
        about = {each.key for each in found[command].attributes}
        assert {"db.system.name", "db.namespace", "db.collection.name", "server.port"} <= about
    assert change["last_name"] not in str(spans)
    assert f'"trace_id": "{TRACE}"' in log
    assert {"profile.create", "profile.update"} <= {each.name for each in spans}
