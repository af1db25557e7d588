import json
from collections import Counter
from typing import Any

import pytest
import structlog

from service.infrastructure.inputports.amqp.pipeline import pipeline
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.messaging_harness import needs_of
from tests.unit.inputports.amqp.stages.running import UNROUTABLE

QUEUE, CANARY = UNROUTABLE.queue, "canary-4711"


async def serve(broker: FakeBroker, **properties: Any) -> Counter[tuple[str, str]]:
    """Let a request through that no operation's queue has taken; return what was counted."""
    needs = needs_of(AppFixture(), broker, {})
    await pipeline(needs).compile(UNROUTABLE)(broker.deliver(CANARY.encode(), **properties))
    return needs.outcomes


async def test_who_waits_hears_that_there_is_no_such_operation() -> None:
    broker = FakeBroker()
    outcomes = await serve(broker, correlation_id="c-9")
    [(_, reply, _)] = broker.replies

    assert json.loads(reply.body)["error"] == {
        "code": "invalid",
        "reason": "unknown_operation",
        "message": "There is no such operation: the routing key is wrong.",
        "retryable": False,
    }
    assert (reply.correlation_id, broker.journal) == ("c-9", ["reply", "ack"])
    assert outcomes == {(QUEUE, "invalid"): 1}


@pytest.mark.parametrize("address", [None, "", "profile.create", "amq.rabbitmq.reply-to.AAAA.BBBB"])
async def test_nothing_is_kept_and_nothing_is_written_elsewhere(address: str | None) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as entries:
        outcomes = await serve(broker, reply_to=address, headers={"authorization": CANARY})

    assert broker.journal == ["ack"]
    assert outcomes.total() == 1
    assert CANARY not in str(entries)


async def test_it_has_an_end_even_if_the_broker_is_away() -> None:
    broker = FakeBroker(down=ConnectionError(CANARY))
    await serve(broker)

    assert broker.journal == ["ack"]
