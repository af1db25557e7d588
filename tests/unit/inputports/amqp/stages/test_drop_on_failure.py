import structlog

from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.stages.drop_on_failure import DropOnFailure
from tests.fakes.broker import FakeBroker
from tests.unit.inputports.amqp.stages.running import UNROUTABLE, Rest, a_context


async def test_what_fails_is_dropped_without_its_words() -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as entries:
        context = a_context(route=UNROUTABLE, broker=broker)
        await DropOnFailure(InFlight())(context, Rest(KeyError("canary")))

    assert broker.journal == ["ack"]
    assert [each["error_type"] for each in entries] == ["KeyError"]
    assert "canary" not in str(entries)


async def test_what_is_acknowledged_already_is_not_acknowledged_again() -> None:
    broker = FakeBroker()
    context = a_context(route=UNROUTABLE, broker=broker)
    await context.message.ack()
    await DropOnFailure(InFlight())(context, Rest(KeyError()))

    assert broker.journal == ["ack"]


async def test_what_does_not_fail_is_left_alone() -> None:
    broker, rest = FakeBroker(), Rest()
    await DropOnFailure(InFlight())(a_context(route=UNROUTABLE, broker=broker), rest)

    assert (broker.journal, len(rest.seen)) == ([], 1)
