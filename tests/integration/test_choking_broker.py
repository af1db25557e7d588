"""What the broker cannot bear ends alone; what was on its way beside it arrives."""

import asyncio

from aio_pika import Message

from service.infrastructure.rabbitmq.publisher import RabbitPublisher
from service.infrastructure.rabbitmq.publishing import BrokerChoked
from tests.integration.broker import administrating
from tests.integration.gateway import eventually
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers

GOOD = 50
LETTERS = "profile.create.dlq"


async def test_a_message_larger_than_a_frame_is_given_up_and_the_others_are_not(servers: Servers) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with RabbitPublisher(sandbox.service_url) as publisher, administrating(sandbox) as broker:
            large = Message(b"{}", headers={"x": "x" * 140_000})
            sending = [publisher.dead_letter(Message(b"{}"), LETTERS) for _ in range(GOOD)]
            sending.insert(GOOD // 2, publisher.schedule_retry(large, "profile.create", "profile.retry.300s"))
            results = await asyncio.gather(*sending, return_exceptions=True)
            letters = await broker.ready(LETTERS)

            assert isinstance(results.pop(GOOD // 2), BrokerChoked)
            assert results == [None] * GOOD
            assert letters >= GOOD
            assert publisher.given_up == {("retry", "ConnectionFrameError"): 1}
            assert await eventually(publisher.is_open)  # its connection is another one now


async def test_a_reply_that_the_broker_cannot_bear_takes_no_other_with_it(servers: Servers) -> None:
    """As it is with the replies to callers whose node is gone."""
    with isolated_sandbox(servers) as sandbox:
        async with RabbitPublisher(sandbox.admin_url) as publisher, administrating(sandbox) as broker:
            queue = await broker.reply_queue()
            large = Message(b"{}", headers={"x": "x" * 140_000})
            messages = [large if number == GOOD // 2 else Message(b"{}") for number in range(GOOD)]
            sending = [publisher.reply(each, queue, confirmed=True, seconds=20) for each in messages]
            results = await asyncio.gather(*sending)

            assert results == [each is not large for each in messages]
            assert await broker.ready(queue) >= GOOD - 1
            assert publisher.given_up == {("reply", "ConnectionFrameError"): 1}


async def test_of_two_letters_with_one_id_that_which_no_queue_takes_is_not_taken_for_the_other(
    servers: Servers,
) -> None:
    """Callers choose the ids, so two may have the same. A queue may be gone, and comes back."""
    missing = "profile.update.dlq"
    with isolated_sandbox(servers) as sandbox:
        async with RabbitPublisher(sandbox.service_url) as publisher, administrating(sandbox) as broker:
            await broker.channel.queue_delete(missing)
            letters = {queue: Message(queue.encode(), message_id="1") for queue in (missing, LETTERS)}
            sending = [asyncio.create_task(publisher.dead_letter(*each[::-1])) for each in letters.items()]
            await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            assert [each.done() for each in sending] == [False, True]
            await broker.channel.declare_queue(missing, durable=True, arguments={"x-queue-type": "quorum"})
            await asyncio.gather(*sending)
            kept = [[each.body.decode() for each in await broker.take(queue)] for queue in letters]

    assert kept == [[missing], [LETTERS]]
