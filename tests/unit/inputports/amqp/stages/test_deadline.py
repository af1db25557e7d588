import asyncio

import pytest

from service.domain.errors import Unavailable
from service.infrastructure.inputports.amqp import deadlines
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.deadlines import OutOfTime, ServiceTimeout
from service.infrastructure.inputports.amqp.stages.deadline import Deadline
from tests.builders import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import closed_circuit
from tests.unit.inputports.amqp.stages.running import Rest, a_context

deadline = Deadline(FakeClock(NOON), closed_circuit().db_timeout)


async def never(_context: MessageContext) -> None:
    await asyncio.Event().wait()


async def test_what_is_in_time_goes_on() -> None:
    context, rest = a_context(expiration="1000"), Rest()
    await deadline(context, rest)

    assert rest.seen == [context]


async def test_what_comes_too_late_is_not_begun() -> None:
    rest = Rest()

    with pytest.raises(OutOfTime):
        await deadline(a_context(expiration="0"), rest)
    assert rest.seen == []


async def test_work_beyond_the_callers_time_is_cut_off() -> None:
    with pytest.raises(OutOfTime):
        await deadline(a_context(expiration="20"), never)


async def test_our_own_limit_is_a_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "MAX_SECONDS", 0.02)

    with pytest.raises(ServiceTimeout):
        await deadline(a_context(), never)


async def test_another_failure_is_passed_on() -> None:
    with pytest.raises(Unavailable):
        await deadline(a_context(expiration="1000"), Rest(Unavailable()))
