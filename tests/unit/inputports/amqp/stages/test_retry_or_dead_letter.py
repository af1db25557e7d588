from datetime import timedelta
from typing import Any

import pytest

from profile_contracts.operations import AUTH_LOGIN, PROFILE_DELETE, PROFILE_GET, Operation
from service.domain.errors import NotFound, Unavailable
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.decoding import MalformedJson
from service.infrastructure.inputports.amqp.retries import TooManyDeliveries
from service.infrastructure.inputports.amqp.stages.retry_or_dead_letter import RetryOrDeadLetter
from tests.builders import NOON
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.keys import in_use
from tests.unit.inputports.amqp.messaging_harness import KEY
from tests.unit.inputports.amqp.stages.running import a_context


async def fail(
    error: Exception | None, operation: Operation[Any, Any] = PROFILE_DELETE, reply_to: str | None = None
) -> FakeBroker:
    broker = FakeBroker()
    context = a_context(route=operation, message_id="m-1", reply_to=reply_to)
    context.reply_to = reply_to
    if error:
        context.fail(error)
    clock = FakeClock(NOON)
    await RetryOrDeadLetter(broker, clock, in_use(KEY), Arrivals(clock))(context)
    return broker


@pytest.mark.parametrize("error", [Unavailable(), KeyError()])
async def test_a_command_that_may_succeed_later_is_retried(error: Exception) -> None:
    broker = await fail(error)
    ((queue, delay, message),) = broker.retries

    assert broker.journal == ["retry"]
    assert (queue, delay, message.message_id) == ("profile.delete", "profile.retry.5s", "m-1")
    assert message.headers["x-attempt"] == 1


async def test_a_retry_says_when_the_command_first_came() -> None:
    """However often it is tried: the broker says of each when that was published."""
    clock, broker = FakeClock(NOON), FakeBroker()
    stage = RetryOrDeadLetter(broker, clock, in_use(KEY), Arrivals(clock, is_broker_believed=True))
    came = int((NOON - timedelta(minutes=20)).timestamp() * 1000)
    headers: dict[str, Any] = {"timestamp_in_ms": came}
    for _ in range(3):
        context = a_context(route=PROFILE_DELETE, message_id="m-1", reply_to=None, headers=headers)
        context.fail(Unavailable())
        await stage(context)
        clock.advance(minutes=5)
        headers = {**broker.retries[-1][2].headers, "timestamp_in_ms": int(clock.now().timestamp() * 1000)}

    assert [message.headers["x-arrived-at"] for _, _, message in broker.retries] == [came] * 3


@pytest.mark.parametrize(
    ("error", "operation", "reply_to", "letters"),
    [
        (KeyError(), PROFILE_DELETE, REPLY_TO, "profile.delete.dlq"),
        (KeyError(), PROFILE_GET, None, "profile.get.dlq"),
        (TooManyDeliveries(), PROFILE_DELETE, None, "profile.delete.dlq"),
        (MalformedJson(), PROFILE_DELETE, None, "profile.malformed.dlq"),
    ],
    ids=["we have failed", "a query", "it kills", "it makes no sense"],
)
async def test_a_letter_is_left_of_what_nobody_else_knows(
    error: Exception, operation: Operation[Any, Any], reply_to: str | None, letters: str
) -> None:
    broker = await fail(error, operation, reply_to)

    assert broker.journal == ["dead letter"]
    assert [queue for queue, _ in broker.dead_letters] == [letters]


@pytest.mark.parametrize(
    ("error", "operation", "reply_to"),
    [
        (None, PROFILE_DELETE, None),
        (NotFound(), PROFILE_DELETE, None),
        (MalformedJson(), PROFILE_DELETE, REPLY_TO),
        (Unavailable(), PROFILE_DELETE, REPLY_TO),
        (Unavailable(), PROFILE_GET, None),
        (Unavailable(), AUTH_LOGIN, None),
    ],
    ids=["done", "refused", "told", "told that it was not done", "a query", "of a session"],
)
async def test_otherwise_there_is_nothing_to_do(
    error: Exception | None, operation: Operation[Any, Any], reply_to: str | None
) -> None:
    assert (await fail(error, operation, reply_to)).journal == []
