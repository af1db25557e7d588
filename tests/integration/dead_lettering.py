"""What every malformed request has to meet with: an answer, and nothing else if somebody waits for it."""

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
    """Return the error in the one reply to *body*, of which no dead letter is left."""
    correlation_id = uuid4().hex
    reply = await gateway.ask(operation, body, correlation_id=correlation_id, **properties)

    assert refusal(reply) == ("invalid", reason)
    assert reply["error"]["retryable"] is False

    assert await broker.ready(f"{operation}.dlq") == 0
    assert gateway.replies_to(correlation_id) == 1
    error: dict[str, Any] = reply["error"]
    return error
