"""A channel that is closed while whoever closes it is cancelled."""

import asyncio
from itertools import count

from service.infrastructure.rabbitmq.connection import close_channel, plain_channel
from tests.integration.connections import connect
from tools.servers.sandbox import Sandbox

TIMES_DONE_BEFORE = 5


async def test_at_whatever_turn_of_the_event_loop_it_comes_a_cancellation_comes_out(sandbox: Sandbox) -> None:
    """The library loses one that comes just when the broker has answered."""
    done_before, lost = 0, []
    for turns in count():
        # Of its own, for what is cancelled half-way may break it.
        async with await connect(sandbox.service_url) as connection:
            closing = asyncio.create_task(close_channel(await plain_channel(connection)))
            for _ in range(turns):
                await asyncio.sleep(0)
            if closing.done():
                done_before += 1
            else:
                closing.cancel()
                await asyncio.wait([closing])
                if not closing.cancelled():
                    lost.append(turns)
        if done_before == TIMES_DONE_BEFORE:
            break

    assert lost == []
    assert turns > TIMES_DONE_BEFORE
