"""OpenTelemetry, set up by the variables of its own SDK. It is an extra, imported when it is wanted."""

import asyncio
import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from threading import Thread
from typing import Any, Final

# How long what was recorded last may take to be sent.
_LEFT_SECONDS: Final = 2.0
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Return whether *environment* says where traces go, and does not switch them off."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_none = environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    return any(environment.get(name) for name in _ENDPOINTS) and not is_off and not is_none


def is_installed() -> bool:
    """Return whether the extra is there."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


def open_tracing(name: str, version: str) -> Any:  # noqa: ANN401 - of a package that may not be there
    """Return what makes tracers and sends what they record, in a thread of its own; shut it down at the end.

    How and where to is said by the variables OTEL_* of the SDK: sampler, endpoint, headers, batches.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra, seldom there
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    about = {"service.version": version, "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"}
    found = Resource.create()  # what the environment says
    if str(found.attributes["service.name"]).startswith("unknown_service"):
        found = found.merge(Resource({"service.name": name}))
    provider = TracerProvider(resource=Resource(about).merge(found), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


async def close_tracing(provider: Any) -> None:  # noqa: ANN401 - as above
    """Send what is left; whoever takes it may be away, and is not waited for."""
    ending = Thread(target=provider.shutdown, name="tracing", daemon=True)
    ending.start()
    await asyncio.to_thread(ending.join, _LEFT_SECONDS)
