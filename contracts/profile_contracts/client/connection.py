"""What aiormq says when a connection breaks, and how one is closed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError

from profile_contracts.errors import CallFailed, Disconnected

_CLOSE_SECONDS: Final = 2.0
_LOST: Final = (AMQPError, ChannelInvalidStateError, OSError, StopAsyncIteration)


@contextmanager
def lost_connection(*, sent: bool) -> Iterator[None]:
    """Raise `Disconnected` for all the ways in which aiormq tells that the connection is gone.

    One of them is to cancel whoever waits for an answer of the broker.
    """
    try:
        yield
    except (CallFailed, DeliveryError):
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise Disconnected("The connection to the broker is lost.", sent=sent) from None
    except Exception as error:
        if _says_lost(error):
            message = f"The connection to the broker is lost: {type(error).__name__}."
            raise Disconnected(message, sent=sent) from error
        raise


def _says_lost(error: Exception) -> bool:
    """Return whether aiormq says by *error* that the connection is gone.

    Of a line that ends right behind a frame, be it `Connection.CloseOk` or the last of many, aiormq knows no
    fault: who waits gets a bare `Exception` (`aiormq.base.FutureStore.reject_all`). Whoever then opens a
    channel on it gets a `RuntimeError` (`aiormq.connection.Connection.channel`).
    """
    if isinstance(error, _LOST) or type(error) is Exception:
        return True
    return type(error) is RuntimeError and str(error).endswith(" closed")


async def close_in_time(connection: AbstractConnection) -> None:
    """Close *connection*, or give that up after two seconds."""
    try:
        with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.close()
    finally:
        # Where that was given up, it only says now that it is closed; else its finalizer would try it again.
        await connection.close()  # waits for nothing: it has let go of its line at the first call
