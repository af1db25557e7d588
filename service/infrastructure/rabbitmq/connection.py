"""How the service appears on the broker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from aio_pika import connect
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionClosed,
    IncompatibleProtocolError,
    ProbableAuthenticationError,
)
from yarl import URL

from service.pkg.detached import DetachedCalls
from service.pkg.patience import Passing
from service.pkg.repeating import is_cancelled

# What is published, in this process.
CALLS: Final = DetachedCalls("rabbitmq")
# The broker closes a line that was silent for twice as long; aiormq does after three and three seconds more.
HEARTBEAT_SECONDS: Final = 5
# To connect and shake hands, or to say goodbye, each time.
CONNECT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 3.0
# What may be that the broker is starting. A wrong password stays wrong.
STARTING: Final = Passing(
    (OSError,),
    but=(
        AuthenticationError,
        ConnectionClosed,
        IncompatibleProtocolError,
        ProbableAuthenticationError,
    ),
)


def named(url: str, purpose: str) -> URL:
    """Return *url* with the name that the console shows: `profile-service@host purpose`."""
    name = f"profile-service@{socket.gethostname()} {purpose}"
    return URL(url).update_query(name=name, heartbeat=HEARTBEAT_SECONDS)


@contextmanager
def broken_connections() -> Iterator[None]:
    """Raise `ConnectionError` where aiormq cancels whoever waits for an answer that cannot come any more.

    A loop of ours would take that for its own end.
    """
    try:
        yield
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        message = "the connection broke"
        raise ConnectionError(message) from None


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[AbstractConnection]:
    """Give a connection for the block that is neither waited for nor closed for longer than it may take.

    Raises:
        AMQPError, OSError: The broker does not let us in.

    """
    try:
        connection = await connect(url, timeout=CONNECT_SECONDS)
    except TimeoutError:
        message = f"RabbitMQ does not answer within {CONNECT_SECONDS:g} seconds"
        raise TimeoutError(message) from None
    try:
        yield connection
    finally:
        await closed(connection)


async def closed(connection: AbstractConnection) -> None:
    """Close *connection*; a broker that does not answer is not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()


async def reach(url: URL) -> None:
    """Return if the broker lets us in.

    Raises:
        AMQPError, OSError: It does not.

    """
    async with connected(url):
        pass


async def is_there(url: URL) -> bool:
    """Return whether the broker lets us in."""
    try:
        await reach(url)
    except (AMQPError, OSError):
        return False
    return True
