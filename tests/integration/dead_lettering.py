"""What every malformed request has to meet with."""

from typing import Any
from uuid import uuid4

from tests.integration.broker import Broker
from tests.integration.gateway import Gateway
from tests.integration.replies import refusal

FAILURE_HEADERS = {
    "x-attempts",
    "x-error-code",
    "x-error-reason",
    "x-error-type",
    "x-failed-at",
    "x-original-queue",
    "x-replayable",
}


async def is_malformed(
    gateway: Gateway, broker: Broker, operation: str, body: object, reason: str, **properties: Any
) -> dict[str, Any]:
    """Return the error in the one reply to *body*, which has to be set aside, without a trace of it."""
    correlation_id = uuid4().hex
    reply = await gateway.ask(operation, body, correlation_id=correlation_id, **properties)

    assert refusal(reply) == ("invalid", reason)
    assert reply["error"]["retryable"] is False

    letter = await broker.dead_letter(operation, correlation_id)

    assert letter.headers.keys() - {"x-delivery-count"} == FAILURE_HEADERS
    assert letter.headers["x-error-code"] == "invalid"
    assert letter.headers["x-error-reason"] == reason
    assert letter.headers["x-original-queue"] == operation
    assert letter.headers["x-replayable"] is False
    assert letter.body == b"{}"
    assert gateway.replies_to(correlation_id) == 1
    error: dict[str, Any] = reply["error"]
    return error
