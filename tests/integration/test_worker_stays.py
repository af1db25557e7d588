"""Last of all: what has become of the worker and its queues after everything that was sent to them."""

import asyncio
from collections import Counter
from typing import Any

from tests.integration.broker import Broker
from tests.integration.conftest import SignUp
from tests.integration.gateway import Gateway, eventually
from tests.integration.requests import OPERATIONS, a_request
from tools.worker import Worker


async def _barrage(gateway: Gateway, operation: str) -> None:
    """Send what is malformed, and what is not, more of it than the prefetch of any queue."""
    bodies = [b"no JSON", b"[" * 10_000, a_request(operation, surprise=1)] * 20 + [a_request(operation)]
    await asyncio.gather(*(gateway.ask(operation, body) for body in bodies))


async def test_it_still_answers_everybody_once_and_holds_nothing_back(
    *, gateway: Gateway, service: Gateway, cleaner: Gateway, broker: Broker, worker: Worker, sign_up: SignUp
) -> None:
    await asyncio.gather(*(_barrage(gateway, operation) for operation in OPERATIONS))

    assert (await sign_up())["token"]

    replies = Counter(each.correlation_id for asker in (gateway, service, cleaner) for each in asker.replies)
    # Some tests choose their own ids, and use them for several requests.
    assert {id_: count for id_, count in replies.items() if id_ and len(id_) == 32 and count > 1} == {}

    async def settled() -> dict[str, Any]:
        """Return the queues as soon as the console has counted all that was sent."""
        queues = {each["name"]: each for each in await broker.look_here("queues")}
        for operation in OPERATIONS:
            sent = sum(each.sent[operation] for each in (gateway, service, cleaner))
            queue = queues[operation]
            counted = queue.get("message_stats", {}).get("publish", 0)
            # What it has not counted yet, it leaves out, or shows as it was before the worker came.
            if counted < sent or queue.get("messages") != 0 or not queue.get("consumers"):
                return {}
        return queues

    queues = await eventually(settled, within=60)

    for operation in OPERATIONS:
        assert queues[operation]["messages_ready"] == 0
        assert queues[operation]["messages_unacknowledged"] == 0
        assert queues[operation]["consumers"] == 1
    log = worker.log.read_text()
    assert worker.process.poll() is None
    assert log.count('"event": "ready"') == 1
    assert "Reconnecting" not in log
    assert "Traceback" not in log
