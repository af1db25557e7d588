import asyncio
import json

import pytest
import structlog

from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.stages import last_resort
from service.infrastructure.inputports.amqp.stages.last_resort import LastResort
from tests.builders import NOON
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.unit.inputports.amqp.stages.running import Rest, a_context


async def rescue(broker: FakeBroker, *, reply_to: str | None = REPLY_TO, replied: bool = False) -> None:
    context = a_context(broker=broker)
    context.reply_to, context.replied = reply_to, replied
    await LastResort(broker, FakeClock(NOON), InFlight())(context, Rest(KeyError("canary")))


async def test_what_does_not_fail_is_left_alone() -> None:
    broker, rest = FakeBroker(), Rest()
    await LastResort(broker, FakeClock(NOON), InFlight())(a_context(broker=broker), rest)

    assert (broker.journal, len(rest.seen)) == ([], 1)


async def test_who_waits_hears_and_a_letter_is_left_without_a_word_of_the_message() -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as entries:
        await rescue(broker)
    ((queue, reply, _),), ((letters, letter),) = broker.replies, broker.dead_letters

    assert broker.journal == ["reply", "dead letter", "ack"]
    assert (queue, json.loads(reply.body)["error"]["code"]) == (REPLY_TO, "internal")
    assert (letters, letter.body, letter.headers["x-replayable"]) == ("profile.get.dlq", b"{}", False)
    assert "canary" not in f"{entries} {letter.info()}"


@pytest.mark.parametrize(("reply_to", "replied"), [(None, False), (REPLY_TO, True)])
async def test_nobody_is_answered_who_does_not_wait_any_more(reply_to: str | None, *, replied: bool) -> None:
    broker = FakeBroker()
    await rescue(broker, reply_to=reply_to, replied=replied)

    assert broker.journal == ["dead letter", "ack"]


@pytest.mark.parametrize(
    ("redelivered", "headers", "end"),
    [
        (False, {}, "requeue"),
        (True, {"x-delivery-count": 1}, "requeue"),
        (True, {}, "drop"),  # no queue counts it: it would come for ever
    ],
)
async def test_the_broker_gets_back_what_cannot_be_ended(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, int], end: str, *, redelivered: bool
) -> None:
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)
    broker = FakeBroker(down=ConnectionError())
    context = a_context(broker=broker, headers=headers, redelivered=redelivered)
    await LastResort(broker, FakeClock(NOON), InFlight())(context, Rest(KeyError()))

    assert broker.journal == [end]


@pytest.mark.parametrize(("down", "end"), [(None, "ack"), (ConnectionError(), "requeue")])
async def test_while_a_worker_begins_to_end_nothing_is_acknowledged_or_given_back(
    monkeypatch: pytest.MonkeyPatch, down: Exception | None, end: str
) -> None:
    monkeypatch.setattr(last_resort, "_PAUSE_SECONDS", 0.0)
    broker, in_flight = FakeBroker(down=down), InFlight()
    context = a_context(broker=broker)
    with in_flight.pause_acks():
        rescuing = asyncio.ensure_future(
            LastResort(broker, FakeClock(NOON), in_flight)(context, Rest(KeyError()))
        )
        for _ in range(10):
            await asyncio.sleep(0)

        assert end not in broker.journal
    await rescuing
    assert broker.journal[-1] == end
