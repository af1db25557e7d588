"""Reads the event history from any place in it (RabbitMQ documentation, "Streams", on AMQP 0-9-1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, Literal

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import (
    AMQPError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from yarl import URL

from service.infrastructure.rabbitmq.connection import connected, map_cancellation
from service.infrastructure.rabbitmq.topology import EVENT_HISTORY

# The first event that there still is; one by its number; the first published at a moment, or some before it.
Start = Literal["first"] | int | datetime

# Events that are on their way to us. A stream gives none without a limit.
_PREFETCH: Final = 200
_SECONDS: Final = 5.0


class NoEventHistory(Exception):
    """There is no history to read; the sentence says what to do."""


@asynccontextmanager
async def opened_history(url: URL, start: Start) -> AsyncIterator[AsyncIterator[AbstractIncomingMessage]]:
    """Give each event from *start* on, as it was published, and then those to come, without end.

    Reading takes nothing out of it. An event may be in it twice, and then after later versions of its
    aggregate: whoever publishes one may die before it is known to be published.

    Raises:
        NoEventHistory: Nobody has made it; or what has its name is a queue.
        ConnectionError: The connection broke, or somebody has deleted the history: says where to go on.
        ChannelAccessRefused: The user may not read it.
        AMQPError, TimeoutError: The broker is not there, or lets nobody in.

    """
    async with connected(url) as connection:
        channel = await connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=_PREFETCH, timeout=_SECONDS)
        arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

        def end(*_: object) -> None:
            arrived.put_nowait(None)

        (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(end)  # somebody deletes it
        channel.close_callbacks.add(end)
        history = await channel.get_queue(EVENT_HISTORY, ensure=False)
        arguments: Any = {"x-stream-offset": start}
        try:
            with map_cancellation():
                await history.consume(arrived.put, arguments=arguments, timeout=_SECONDS)
        except ChannelNotFoundEntity:
            raise NoEventHistory(
                f"There is no {EVENT_HISTORY}: workers with EVENT_HISTORY=true keep one, from then on."
            ) from None
        except ChannelPreconditionFailed:  # what has no offset takes no offset
            raise NoEventHistory(f"{EVENT_HISTORY} is no stream: delete it.") from None
        yield _events(arrived)


async def _events(
    arrived: asyncio.Queue[AbstractIncomingMessage | None],
) -> AsyncIterator[AbstractIncomingMessage]:
    go_on = ""
    while message := await arrived.get():
        yield message
        with suppress(AMQPError, ChannelInvalidStateError, ConnectionError), map_cancellation():
            await message.ack()  # that is, let more come
        go_on = f": go on from {int(str(message.headers['x-stream-offset'])) + 1}"
    ended = f"The history has ended, or the connection has{go_on}"
    raise ConnectionError(ended)
