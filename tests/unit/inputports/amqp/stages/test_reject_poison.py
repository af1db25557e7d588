from typing import Any

import pytest

from service.infrastructure.inputports.amqp.retries import TooManyDeliveries, delivery_count
from service.infrastructure.inputports.amqp.stages.reject_poison import MAX_DELIVERIES, RejectPoison
from tests.fakes.broker import message
from tests.unit.inputports.amqp.stages.running import Rest, a_context


def delivered(count: object, *, redelivered: bool = True) -> dict[str, Any]:
    return {"headers": {"x-delivery-count": count}, "redelivered": redelivered}


async def test_what_was_delivered_too_often_is_refused() -> None:
    rest = Rest()

    with pytest.raises(TooManyDeliveries):
        await RejectPoison()(a_context(**delivered(MAX_DELIVERIES)), rest)
    assert rest.seen == []


async def test_what_was_delivered_less_often_goes_on() -> None:
    context, rest = a_context(**delivered(MAX_DELIVERIES - 1)), Rest()
    await RejectPoison()(context, rest)

    assert rest.seen == [context]


@pytest.mark.parametrize("count", ["70", b"70", "", [70], 70.5, None])
def test_a_count_that_is_no_number_is_not_the_brokers(count: object) -> None:
    assert delivery_count(message(**delivered(count))) == 0


def test_what_comes_for_the_first_time_has_no_count() -> None:
    assert delivery_count(message(**delivered(70, redelivered=False))) == 0
