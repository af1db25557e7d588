"""How the service appears on the broker."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from aio_pika import Connection, RobustConnection
from aio_pika.abc import AbstractConnection, TimeoutType
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionClosed,
    IncompatibleProtocolError,
    ProbableAuthenticationError,
)
from yarl import URL

from service.infrastructure.rabbitmq.joined_writes import cluster_url, install_joined_writes
from service.pkg.background import is_cancelled
from service.pkg.detached import DetachedCalls
from service.pkg.retry import TransientErrors

# What is published, in this process.
CALLS: Final = DetachedCalls("rabbitmq")
# The broker closes a line that was silent for twice as long; aiormq does after three and three seconds more.
HEARTBEAT_SECONDS: Final = 5
# To connect and shake hands, or to say goodbye, each time.
CONNECT_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 3.0
# What calls to a broker that is away, or does not answer, end with.
AWAY: Final = (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError)
# To open a channel.
_CHANNEL_SECONDS: Final = 5.0
# What may be that the broker is starting. A wrong password stays wrong.
STARTING: Final = TransientErrors(
    (OSError,),
    permanent=(
        AuthenticationError,
        ConnectionClosed,
        IncompatibleProtocolError,
        ProbableAuthenticationError,
    ),
)


def signature(purpose: str) -> str:
    """Return how this process appears on the console: `profile-service@host:pid purpose`."""
    return f"profile-service@{socket.gethostname()}:{os.getpid()} {purpose}"


def with_connection_name(url: str, purpose: str) -> URL:
    """Return *url* with the name that the console shows, and a heartbeat, unless it has one.

    It may name several brokers; connections then go to any that answers, see `JoiningTransports`.
    """
    given = cluster_url(url)
    usual = {"heartbeat": str(HEARTBEAT_SECONDS)} if "heartbeat" not in given.query else {}
    return given.update_query({**usual, "name": signature(purpose)})


async def plain_channel(connection: AbstractConnection, *, confirms: bool = False) -> AbstractChannel:
    """Return a channel that stays closed once it is closed: aio-pika would open it again, and restore it.

    With *confirms*, a mandatory message that no queue takes raises an error.

    Raises:
        ConnectionError: The broker is away.
        TimeoutError: It does not answer.

    """
    if not connection.connected.is_set() or connection.transport is None:
        message = "the broker is away"
        raise ConnectionError(message)
    aiormq = connection.transport.connection
    try:
        with map_cancellation():
            async with asyncio.timeout(_CHANNEL_SECONDS):
                return await aiormq.channel(publisher_confirms=confirms, on_return_raises=confirms)
    except RuntimeError as error:  # it has just closed
        raise ConnectionError(str(error)) from error


async def close_channel(channel: AbstractChannel) -> None:
    """Close *channel*, unless the broker has closed it, or is away."""
    with suppress(AMQPError, ChannelInvalidStateError, RuntimeError, OSError), map_cancellation():
        async with asyncio.timeout(_CHANNEL_SECONDS):
            await channel.close()


async def answers(connection: AbstractConnection | None, seconds: float) -> bool:
    """Return whether the broker answers a question over *connection* within so many *seconds*.

    A broker that hangs keeps its connections open, and so does a line that has vanished.
    """
    if connection is None:
        return False
    try:
        async with asyncio.timeout(seconds):
            await close_channel(await plain_channel(connection))
    except (AMQPError, ChannelInvalidStateError, RuntimeError, OSError):  # a TimeoutError is an OSError
        return False
    return True


@contextmanager
def map_cancellation() -> Iterator[None]:
    """Let a cancellation of ours come out as one, and nothing else.

    aiormq cancels whoever waits for an answer that cannot come any more, which a loop of ours would take for
    its own end: that is a `ConnectionError`. And it may turn a cancellation into an error, or into nothing,
    while it closes a channel: a loop of ours would go on.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0

    def is_swallowed() -> bool:
        return task is not None and task.cancelling() > before

    try:
        yield
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        message = "the connection broke"
        raise ConnectionError(message) from None
    except Exception as error:
        if is_swallowed():
            raise asyncio.CancelledError from error
        raise
    if is_swallowed():
        raise asyncio.CancelledError


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[AbstractConnection]:
    """Give a connection for the block that is neither waited for nor closed for longer than it may take.

    Raises:
        AMQPError, OSError: The broker does not let us in.

    """
    install_joined_writes()  # by which any node of a cluster will do
    # Not `aio_pika.connect`: what fails to connect, it leaves to be closed by a finalizer, which cannot wait.
    connection = Connection(url)
    try:
        await _connect(connection)
        yield connection
    finally:
        await closed(connection)


async def _connect(connection: AbstractConnection) -> None:
    try:
        await connection.connect(timeout=CONNECT_SECONDS)
    except TimeoutError:
        message = f"RabbitMQ does not answer within {CONNECT_SECONDS:g} seconds"
        raise TimeoutError(message) from None
    except StopAsyncIteration:  # what aiormq makes of a line that is closed at once
        message = "RabbitMQ has closed the connection at once"
        raise ConnectionError(message) from None


async def closed(connection: AbstractConnection) -> None:
    """Close *connection*; a broker that does not answer is not waited for."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()


class CancellableConnection(RobustConnection):
    """A robust connection that is closed where it is not made, or whoever makes it is cancelled.

    aio-pika leaves it connecting for ever, and it swallows the cancellation by which `asyncio.run` ends.
    """

    async def connect(self, timeout: TimeoutType = None) -> None:  # noqa: ASYNC109 - aio-pika's
        """Connect, within so many seconds."""
        try:
            await super().connect(timeout)
        except BaseException:  # a cancellation, too, must leave no connection to a finalizer
            await closed(self)
            raise


async def ping(url: URL) -> None:
    """Return if the broker lets us in.

    Raises:
        AMQPError, OSError: It does not.

    """
    async with connected(url):
        pass


async def is_available(url: URL) -> bool:
    """Return whether the broker lets us in."""
    try:
        await ping(url)
    except (AMQPError, OSError):
        return False
    return True
