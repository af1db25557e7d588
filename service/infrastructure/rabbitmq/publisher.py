"""Writes to the broker, over a connection of its own: an alarm that blocks it leaves consuming alone."""

from types import TracebackType
from typing import Final, Self

from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from yarl import URL

# How long a broker may take to say that it has a message, in seconds.
_CONFIRM_SECONDS: Final = 10.0


class RabbitPublisher:
    """Publishes to queues by name. `async with` opens and closes its connection."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: AbstractRobustConnection
        self._quick: AbstractRobustChannel
        self._confirming: AbstractRobustChannel

    async def __aenter__(self) -> Self:
        """Connect."""
        self._connection = await connect_robust(self._url)
        self._quick = await self._connection.channel(publisher_confirms=False)
        self._confirming = await self._connection.channel(on_return_raises=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._connection.close()

    async def reply(self, message: Message, queue: str, *, confirmed: bool) -> None:
        """Send the reply *message* to *queue* and, if *confirmed*, wait until the broker has it.

        Raises:
            AMQPError, TimeoutError: The broker cannot be reached; whether it has the reply is unknown.

        """
        channel = self._confirming if confirmed else self._quick
        # Not mandatory: RabbitMQ 3.10 returns a mandatory direct reply that it has delivered.
        await channel.default_exchange.publish(message, queue, mandatory=False, timeout=_CONFIRM_SECONDS)

    async def set_aside(self, message: Message, queue: str) -> None:
        """Put the dead letter *message* into *queue*, and wait until the broker has it.

        Raises:
            AMQPError, TimeoutError: It may not be there: then the request must not be acknowledged.

        """
        await self._confirming.default_exchange.publish(message, queue, timeout=_CONFIRM_SECONDS)
