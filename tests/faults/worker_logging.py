"""A worker that says of each message that was delivered before, and how often. It hashes cheaply.

`python -m tests.faults.worker_logging worker`, in place of `python -m service.cli worker`.
"""

from typing import Any
from unittest.mock import patch

import structlog
from aio_pika.abc import AbstractIncomingMessage

from service.cli import app
from service.infrastructure.inputports.amqp.in_flight import InFlight, Serve
from tests.integration.cheap_worker import cheap_hashes

AGAIN = "delivered again"

_track = InFlight.track
_log = structlog.get_logger("profile.tap")


def track(self: InFlight, serve: Serve, *more: Any) -> Serve:
    """Return *serve*, and look at each message before; all of them go through here."""

    async def looked_at(message: AbstractIncomingMessage) -> None:
        deliveries = message.headers.get("x-delivery-count", 0)
        if message.redelivered or deliveries:
            _log.warning(AGAIN, queue=message.routing_key, deliveries=deliveries)
        await serve(message)

    return _track(self, looked_at, *more)


if __name__ == "__main__":
    with cheap_hashes(), patch.object(InFlight, "track", track):
        app()
