"""What aiormq says when a connection breaks, and how one is closed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError

from profile_contracts.errors import Disconnected

_CLOSE_SECONDS: Final = 2.0


@contextmanager
def lost_connection(*, sent: bool) -> Iterator[None]:
    """Raise `Disconnected` for all the ways in which aiormq tells that the connection is gone.

    One of them is to cancel whoever waits for an answer of the broker.
    """
    try:
        yield
    except DeliveryError:
        raise
    except (AMQPError, ChannelInvalidStateError, OSError, StopAsyncIteration) as error:
        message = f"The connection to the broker is lost: {type(error).__name__}."
        raise Disconnected(message, sent=sent) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise Disconnected("The connection to the broker is lost.", sent=sent) from None


async def close_in_time(connection: AbstractConnection) -> None:
    """Close *connection*, or give that up after two seconds."""
    with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
