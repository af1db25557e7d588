import pytest

from service.domain.errors import Unavailable
from service.infrastructure.inputports.amqp.decoding import MalformedJson
from service.infrastructure.inputports.amqp.retries import TooManyDeliveries
from service.infrastructure.inputports.amqp.stages.retry_or_dead_letter_event import RetryOrDeadLetterEvent
from tests.builders import NOON
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.keys import in_use
from tests.unit.inputports.amqp.messaging_harness import KEY
from tests.unit.inputports.amqp.stages.running import CASCADE, a_context
from tests.unit.inputports.amqp.test_cascade import an_event


async def fail(error: Exception | None, body: bytes | None = None) -> FakeBroker:
    broker = FakeBroker()
    context = a_context(an_event() if body is None else body, CASCADE, message_id="e-1", reply_to=None)
    if error:
        context.fail(error)
    await RetryOrDeadLetterEvent(broker, FakeClock(NOON), in_use(KEY))(context)
    return broker


@pytest.mark.parametrize("error", [Unavailable(), KeyError()])
async def test_an_event_that_could_not_be_handled_is_retried(error: Exception) -> None:
    broker = await fail(error)

    assert [(queue, delay) for queue, delay, _ in broker.retries] == [(CASCADE.queue, "profile.retry.5s")]
    assert broker.journal == ["retry"]


@pytest.mark.parametrize(
    ("error", "body", "replayable"),
    [
        (MalformedJson(), b"junk", False),
        (Unavailable(), b"junk", False),
        (TooManyDeliveries(), None, True),
    ],
)
async def test_what_is_no_event_or_kills_workers_is_dead(
    error: Exception, body: bytes | None, *, replayable: bool
) -> None:
    broker = await fail(error, body)
    ((queue, letter),) = broker.dead_letters

    assert (queue, letter.headers["x-replayable"]) == ("profile.followup.dlq", replayable)
    assert broker.journal == ["dead letter"]


async def test_of_what_was_done_nothing_is_left() -> None:
    assert (await fail(None)).journal == []
