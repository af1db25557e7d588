import json
from collections import Counter
from typing import Any

import pytest
from aio_pika import Message

from service.domain.errors import NotFound
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.reply import Reply
from tests.builders import NOON
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.unit.inputports.amqp.stages.running import a_context


def answered(**properties: Any) -> MessageContext:
    context = a_context(**properties)
    context.reply_to, context.body = REPLY_TO, b'{"ok":true,"result":{}}'
    return context


async def reply(
    context: MessageContext, broker: FakeBroker, *, confirmed: bool = True
) -> Counter[tuple[str, str]]:
    outcomes: Counter[tuple[str, str]] = Counter()
    await Reply(broker, FakeClock(NOON), outcomes, confirmed=confirmed)(context)
    return outcomes


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_result_is_sent_where_somebody_waits(*, confirmed: bool) -> None:
    broker, context = FakeBroker(), answered()
    await reply(context, broker, confirmed=confirmed)
    ((queue, message, was_confirmed),) = broker.replies

    assert (queue, message.body, message.correlation_id) == (REPLY_TO, context.body, "c-1")
    assert was_confirmed is confirmed
    assert context.replied


async def test_an_error_is_sent_in_place_of_a_result() -> None:
    broker, context = FakeBroker(), answered()
    context.fail(NotFound())
    await reply(context, broker)
    ((_, message, _),) = broker.replies

    assert json.loads(message.body)["error"]["code"] == "not_found"


async def test_nothing_is_sent_where_nobody_waits() -> None:
    broker, context = FakeBroker(), answered()
    context.reply_to = None
    await reply(context, broker)

    assert (broker.replies, context.replied) == ([], False)


async def test_it_is_tried_for_as_long_as_the_caller_waits() -> None:
    broker = FakeBroker()
    await reply(answered(expiration="5000"), broker)

    assert broker.patience == [pytest.approx(5.0, abs=0.5)]


async def test_a_reply_that_was_given_up_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def give_up(_self: object, _message: Message, _queue: str, **_: object) -> bool:
        return False

    monkeypatch.setattr(FakeBroker, "reply", give_up)

    assert await reply(answered(), FakeBroker()) == {("profile.get", "unanswered"): 1}
