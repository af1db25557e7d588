"""A connection to whichever of several nodes lets us in first (RFC 8305, "Happy Eyeballs")."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aio_pika import Connection
from aiormq import connection as aiormq_connection
from aiormq.connection import TransportFactory
from yarl import URL

from profile_contracts.client.connection import close_in_time, lost_connection
from profile_contracts.errors import Disconnected

# How long a node may take to let us in before the next one is tried beside it.
_SILENT_SECONDS: Final = 0.5
# For aiormq to notice that its line was dropped, which it does at once.
_END_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection to a node.

    Attributes:
        deadline: When the time is over that it had, by the clock of the event loop.
        others: The nodes that have not failed meanwhile, in the order in which they are to be tried.

    """

    url: URL
    connection: Connection
    deadline: float
    others: Sequence[URL]


@dataclass(frozen=True, slots=True)
class _Made:
    connection: Connection
    line: "_Line"
    deadline: float


Attempt = asyncio.Task[_Made]


async def first_connection(urls: Sequence[URL], seconds: float) -> Connected:
    """Connect to one of *urls*; each has so many *seconds*, from when it is tried.

    The next one is tried when one has failed, or has not let us in for half a second: that one is not given
    up. Once one has let us in, there are no connections to the others.

    Raises:
        Disconnected: None of them lets us in; it says why the last one did not.

    """
    attempts = dict[Attempt, URL]()
    try:
        first = await _first(urls, seconds, attempts)
        failed = {url for each, url in attempts.items() if each.done() and each.exception()}
        await _end(attempts.keys() - {first})
    except BaseException:  # a cancellation, too, must leave no connection open
        await _end(attempts)
        raise
    made, url = first.result(), attempts[first]
    *others, _ = ending_with(url, urls)
    return Connected(url, made.connection, made.deadline, [each for each in others if each not in failed])


def ending_with(url: URL, urls: Sequence[URL]) -> Sequence[URL]:
    """Return *urls* as they stand in a circle, up to *url*: the one to be tried last."""
    after = urls.index(url) + 1
    return [*urls[after:], *urls[:after]]


async def _first(urls: Iterable[URL], seconds: float, attempts: dict[Attempt, URL]) -> Attempt:
    """Return the attempt that has succeeded, or else the last one; add all that have begun to *attempts*."""
    left, failed = deque(urls), set[Attempt]()
    while True:
        if left:
            url = left.popleft()
            attempts[asyncio.create_task(_connected(url, seconds))] = url
        done, _ = await asyncio.wait(
            attempts.keys() - failed,
            timeout=_SILENT_SECONDS if left else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for each in done:
            failed.add(each)
            if not (isinstance(each.exception(), Disconnected) and (left or attempts.keys() - failed)):
                return each


async def _end(attempts: Iterable[Attempt]) -> None:
    """Give *attempts* up, and drop what they have just made: who has the first one waits for no goodbye."""
    for each in attempts:
        each.cancel()
    for made in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(made, _Made):
            made.line.abort()
            await close_in_time(made.connection)


async def _connected(url: URL, seconds: float) -> _Made:
    # Not a robust connection: it would come back without the consumer of direct replies. And not
    # aio_pika.connect: that leaves a connection that failed to be closed by its finalizer.
    connection, line = Connection(url), _Line()
    connection.kwargs["transport_factory"] = line
    deadline = asyncio.get_running_loop().time() + seconds
    connecting = asyncio.create_task(connection.connect())
    try:
        await _wait_for(connecting, seconds)
    except BaseException:  # a cancellation, too, must leave no connection open
        if not connecting.done():
            line.abort()
            connecting.cancel()
            await asyncio.wait([connecting], timeout=_END_SECONDS)
        await close_in_time(connection)
        raise
    return _Made(connection, line, deadline)


async def _wait_for(connecting: asyncio.Task[None], seconds: float) -> None:
    # Not asyncio.timeout: what it cancels may go on for a while.
    await asyncio.wait([connecting], timeout=seconds)
    if not connecting.done():
        raise Disconnected(f"The broker did not let us in within {seconds:g} s.", sent=False)
    with lost_connection(sent=False):
        connecting.result()


class _Line(TransportFactory):
    """Opens one line as aiormq does by itself, and can drop it.

    aiormq waits for the other end to close it, too: with TLS, half a minute if that says nothing. And it
    loses sight of one that is given up right after the other end has let us in.
    """

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(
        self,
        url: URL,
        **options: Any,  # noqa: ANN401 - as aiormq has it
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to *url*."""
        # Looked up when needed: who changes how this process connects, changes it for this client, too.
        tls, tcp = aiormq_connection.TLSTransportFactory, aiormq_connection.TCPTransportFactory
        reader, self._writer = await (tls if url.scheme == "amqps" else tcp)().create(url, **options)
        return reader, self._writer

    def abort(self) -> None:
        """Drop the line, without a goodbye."""
        if self._writer:
            self._writer.transport.abort()
