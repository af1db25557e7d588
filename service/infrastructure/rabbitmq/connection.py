"""How the service appears on the broker."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aio_pika import connect
from aiormq.exceptions import (
    AuthenticationError,
    ConnectionClosed,
    IncompatibleProtocolError,
    ProbableAuthenticationError,
)
from yarl import URL

from service.pkg.patience import Passing
from service.pkg.repeating import is_cancelled

_HEARTBEAT_SECONDS: Final = 30
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
    return URL(url).update_query(name=name, heartbeat=_HEARTBEAT_SECONDS)


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


async def reach(url: URL) -> None:
    """Return if the broker lets us in.

    Raises:
        AMQPError, OSError: It does not.

    """
    async with await connect(url):
        pass
