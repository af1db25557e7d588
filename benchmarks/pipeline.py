"""What does the pipeline cost, and what its metrics? CPU time per request: `python -m benchmarks.pipeline`.

Messages are made beforehand, as aio-pika hands them over. Fakes in memory stand behind the use cases, there
are no servers, and nothing is logged. What is left is the pipeline itself, translation to and from the wire,
and the use case. Rounds with and without metrics alternate.
Figures of two versions on the same machine can be compared; those of two machines mean nothing.
"""

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import structlog
from aio_pika.abc import AbstractIncomingMessage

from profile_contracts.operations import PROFILE_GET, PROFILE_UPDATE, Operation
from service.domain.profile import Profile
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.record_metrics import RecordMetrics
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.messaging_harness import subscribed

_ROUNDS: Final = 5
_REQUESTS: Final = 5_000

Serve = Callable[[AbstractIncomingMessage], Awaitable[None]]


async def record_nothing(_self: RecordMetrics, _context: MessageContext) -> None:
    """Stand for the stage that records metrics."""


async def microseconds(operation: Operation[Any, Any], requests: int) -> float:
    """Return the CPU time of one request of *operation*, in microseconds."""
    ada = a_profile()
    broker, app_fixture = FakeBroker(), AppFixture(ada)
    _, tokens = await app_fixture.logged_in(ada)
    serve = subscribed(broker, app_fixture)[operation.queue]
    headers = {"authorization": f"Bearer {tokens.access_token.text}"}
    messages = [
        broker.deliver(_body(operation, ada, number), message_id=f"m-{number}", headers=headers)
        for number in range(requests)
    ]
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for message in messages:
        await serve(message)
    spent = time.process_time() - began
    answered = sum(json.loads(reply.body)["ok"] for _, reply, _ in broker.replies)
    assert answered == requests, f"{requests - answered} requests were refused"  # noqa: S101 - a benchmark
    return spent / requests * 1_000_000


def _body(operation: Operation[Any, Any], profile: Profile, number: int) -> bytes:
    changes = {"last_name": f"King {number}"} if operation is PROFILE_UPDATE else {}
    return json.dumps({"id": str(profile.id), **changes}).encode()


def main() -> None:
    """Measure a query and a command."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else _REQUESTS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for operation in (PROFILE_GET, PROFILE_UPDATE):
        rounds, without = [], []
        for _ in range(_ROUNDS):
            rounds.append(asyncio.run(microseconds(operation, requests)))
            with patch.object(RecordMetrics, "__call__", record_nothing):
                without.append(asyncio.run(microseconds(operation, requests)))
        metrics = median(rounds) - median(without)
        print(f"{operation.queue}: {median(rounds):.1f} us, best {min(rounds):.1f}; metrics {metrics:.1f}")


if __name__ == "__main__":
    main()
