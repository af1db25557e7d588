"""Connections of the tests themselves."""

import asyncio
import random
from contextlib import suppress
from typing import Final

import aio_pika
from aio_pika.exceptions import AMQPError
from yarl import URL

from service.pkg.broker_urls import broker_urls

# For one of several nodes to let us in.
_SECONDS: Final = 3.0
# For the last one, or the only one, which may be busy.
_LAST_SECONDS: Final = 60.0


async def connect(url: str, heartbeat: int = 0) -> aio_pika.Connection:
    """Connect, without heartbeats unless told otherwise; where *url* names several nodes, to any of them.

    The loop of a process of pytest's stands still while tests run that are not asynchronous, which may be
    for minutes; the broker would take a fixture's connection for lost.
    """
    nodes = [URL(each).update_query(heartbeat=heartbeat) for each in broker_urls(url)]
    random.shuffle(nodes)
    for each in nodes[1:]:
        with suppress(AMQPError, OSError, StopAsyncIteration):  # the last is a line that is closed at once
            async with asyncio.timeout(_SECONDS):
                return await _connect(each)
    async with asyncio.timeout(_LAST_SECONDS):
        return await _connect(nodes[0])


async def _connect(url: URL) -> aio_pika.Connection:
    # Not `aio_pika.connect`: what fails to connect, it leaves to be closed by a finalizer, which cannot wait.
    connection = aio_pika.Connection(url)
    try:
        await connection.connect()
    except BaseException:  # a cancellation, too, must leave no connection open
        await connection.close()
        raise
    return connection
