"""Connections of the tests themselves."""

import aio_pika
from yarl import URL


async def connect(url: str) -> aio_pika.Connection:
    """Connect without heartbeats.

    The loop of a process of pytest's stands still while tests run that are not asynchronous, which may be
    for minutes; the broker would take a fixture's connection for lost.
    """
    connection = await aio_pika.connect(URL(url).update_query(heartbeat=0))
    assert isinstance(connection, aio_pika.Connection)
    return connection
