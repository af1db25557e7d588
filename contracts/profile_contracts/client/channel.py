"""A channel over which requests go and replies come back, until its connection breaks."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

from aio_pika import Connection, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import DeliveryError, PublishError

from profile_contracts.client.connection import close_in_time, lost_connection
from profile_contracts.client.refusals import RefusalsByQueue
from profile_contracts.client.replies import Replies
from profile_contracts.errors import Disconnected

COMMANDS_EXCHANGE: Final = "profile.commands"
# How long the broker may take to confirm a request; without a fault it takes milliseconds.
_CONFIRM_SECONDS: Final = 10.0


def _hide_request(record: logging.LogRecord) -> bool:
    """Let aiormq say that a request came back to no one, but not what is in it: there may be a password.

    So it does when no queue has taken a request whose call has given up.
    """
    if record.msg == "Unhandled message %r returning":
        record.args = ("of a call that has given up",)
    return True


logging.getLogger("aiormq.channel").addFilter(_hide_request)


def _pass_failure_on(reply: asyncio.Future[bytes | None], sending: asyncio.Task[None]) -> None:
    """Tell whoever waits for *reply* that *sending* the request has failed."""
    if sending.cancelled():
        reply.cancel()
    elif (failure := sending.exception()) and not reply.done():
        reply.set_exception(failure)


@dataclass(slots=True, eq=False)
class RpcChannel:
    """A connection, and the replies that come over it.

    Attributes:
        unconfirmed: What stands for each request that the broker has not confirmed, the oldest first.
        refusals: Of each queue, by its name.

    """

    connection: AbstractConnection
    channel: AbstractChannel
    exchange: AbstractExchange
    replies: Replies
    unconfirmed: Mapping[int, object]
    refusals: RefusalsByQueue
    _is_lost: bool = False
    _oldest: object = None
    _since: float = 0.0

    @classmethod
    async def open(cls, connection: Connection, replies: Replies, refusals: RefusalsByQueue) -> Self:
        """Listen for *replies* over *connection*, which is closed if that fails.

        Raises:
            Disconnected: The connection broke.
            QueueRefused: The user may not have a queue of replies.

        """
        try:
            with lost_connection(sent=False):
                return await cls._on(connection, replies, refusals)
        except BaseException:  # a cancellation, too, must leave no connection open
            await close_in_time(connection)
            raise

    @classmethod
    async def _on(cls, connection: Connection, replies: Replies, refusals: RefusalsByQueue) -> Self:
        channel = await replies.listen(connection)
        exchange = await channel.get_exchange(COMMANDS_EXCHANGE, ensure=False)
        underlay: Any = await channel.get_underlay_channel()  # whose own type does not know confirmations
        opened = cls(connection, channel, exchange, replies, underlay.confirmations, refusals)
        underlay.on_consumer_cancel_callbacks.add(opened.lose)  # the queue of replies is gone
        channel.close_callbacks.add(opened.lose)
        return opened

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent, and replies come."""
        return not (self._is_lost or self.channel.is_closed)

    async def is_stuck(self) -> bool:
        """Return whether requests get nowhere over it, and may over another one. To be asked before each.

        Either a queue refuses them, see `Refusals`. Or the broker confirms none any more, though no alarm
        keeps it from reading them: RabbitMQ before 4.2 may do that to a channel over whose requests a node
        was cut off, as long as the channel lives (rabbitmq-server #14589, #9221).
        """
        if any(each.are_lasting for each in self.refusals.values()):
            return True
        waits = self._waits()
        if waits and not await self._is_read():
            self._oldest = None
            return False
        return waits >= _CONFIRM_SECONDS

    def _waits(self) -> float:
        """Return for how many seconds the same request is known to be the oldest that is not confirmed."""
        now = asyncio.get_running_loop().time()
        oldest = next(iter(self.unconfirmed.values()), None)
        if oldest is None or oldest is not self._oldest:
            self._oldest, self._since = oldest, now
        return now - self._since

    async def _is_read(self) -> bool:
        """Return whether no alarm blocks the connection."""
        if self.connection.transport is None:
            return False
        try:
            async with asyncio.timeout(0):
                await self.connection.transport.connection.ready()
        except TimeoutError:
            return False
        return True

    async def publish(self, queue: str, message: Message) -> None:
        """Send *message*, and wait until the broker has it.

        Raises:
            Disconnected: The connection broke.
            DeliveryError: No queue takes it.

        """
        try:
            with lost_connection(sent=True):
                await self.exchange.publish(message, queue)
            self.refusals[queue].on_taken()
        except PublishError:  # it was returned, by a broker that knows no such queue
            raise
        except DeliveryError:
            self.refusals[queue].on_refused(asyncio.get_running_loop().time())
            raise
        finally:
            self._waits()  # so that the next request knows since when this one does

    async def ask(self, queue: str, message: Message) -> bytes:
        """Send *message*, and return the body of the reply.

        Raises:
            Disconnected: The connection broke before the broker had the request, or the reply is lost.
            DeliveryError: No queue takes the request.

        """
        with self.replies.expect(message.correlation_id or "") as reply:
            sending = asyncio.create_task(self.publish(queue, message))
            sending.add_done_callback(partial(_pass_failure_on, reply))
            try:
                body = await reply
            finally:
                sending.cancel()  # a reply counts, whatever becomes of the confirm
        if body is None:
            raise Disconnected("The connection broke before the reply came.", sent=True)
        self.refusals[queue].on_taken()
        return body

    def lose(self, *_: object) -> None:
        """Stop using it."""
        if not self._is_lost:
            self._is_lost = True
            self.replies.on_channel_lost()

    async def close(self) -> None:
        """Disconnect, within two seconds."""
        self.lose()
        await close_in_time(self.connection)
