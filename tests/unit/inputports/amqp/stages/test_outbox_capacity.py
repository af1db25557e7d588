import asyncio

from service.infrastructure.inputports.amqp.stages.outbox_capacity import OutboxCapacity
from tests.unit.inputports.amqp.stages.running import Rest, a_context


async def test_a_command_waits_for_capacity_and_goes_on() -> None:
    capacity, context, rest = asyncio.Event(), a_context(), Rest()

    async def wait() -> None:
        await capacity.wait()

    going = asyncio.ensure_future(OutboxCapacity(wait)(context, rest))
    await asyncio.sleep(0)

    assert rest.seen == []
    capacity.set()
    await going
    assert rest.seen == [context]


async def test_the_time_of_waiting_is_not_that_of_the_work() -> None:
    async def at_once() -> None:
        """There is capacity."""

    context = a_context()
    await OutboxCapacity(at_once)(context, Rest())

    assert context.started >= context.arrived
