"""Writes to the broker, over connections of its own: an alarm that blocks them leaves consuming alone.

Replies go where callers say, so they have a connection apart from events, retries and dead letters. What was
on its way when the broker closed a connection or channel with an error of its own may be what it choked on:
it has one more try on a connection of its own, and is given up if the broker chokes on it there.

What a queue goes on refusing is tried so as well: RabbitMQ 3.10 may refuse on one channel what it takes on
any other, see `Refusals`.
"""

import asyncio
from collections import Counter, defaultdict
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from types import TracebackType
from typing import Final, Self
from weakref import WeakValueDictionary

import structlog
from aio_pika import Message, connect_robust
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq.abc import AbstractConnection as Line

from profile_contracts.client.refusals import Refusals
from profile_contracts.events import EVENTS_EXCHANGE
from service.infrastructure.rabbitmq.connection import (
    AWAY,
    CONNECT_SECONDS,
    CancellableConnection,
    answers,
    closed,
    connected,
    map_cancellation,
    with_connection_name,
)
from service.infrastructure.rabbitmq.delays import Delays
from service.infrastructure.rabbitmq.joined_writes import abort
from service.infrastructure.rabbitmq.overdue_confirms import OverdueConfirms
from service.infrastructure.rabbitmq.publishing import (
    BrokerChoked,
    choke_of,
    publish,
    publish_once,
    takes_messages,
)
from service.infrastructure.rabbitmq.reply_keys import ReplyKeys
from service.pkg.detached import TooManyAbandoned

# Between two attempts to publish.
_PAUSE_SECONDS: Final = 0.5
# To connect, publish one message and get the confirm.
_ALONE_SECONDS: Final = 5.0
# Connections of single messages at a time.
_ALONE: Final = 4
# How long the broker has to answer.
_ANSWER_SECONDS: Final = 1.0
# How long a message waits here where no queue gives it back.
_HELD_SECONDS: Final = 5.0

_log = structlog.get_logger("profile.publisher")


class RabbitPublisher:
    """Publishes to queues by name. `async with` opens and closes its connections.

    Attributes:
        delays: The queues in which messages wait to be tried again.
        given_up: How many messages were given up, by what they were and why.
        dead_lettered: How many dead letters were put into each queue.
        retried: How many messages were scheduled to come to each queue again.
        reconnects: How often each connection was opened again.

    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.delays = Delays()
        self._connection: AbstractRobustConnection | None = None
        self._replies: AbstractRobustConnection | None = None
        self._confirming: AbstractRobustChannel
        self._quick: AbstractRobustChannel
        self._confirmed_replies: AbstractRobustChannel
        self._overdue: tuple[OverdueConfirms, ...] = ()
        self._closing = AsyncExitStack()
        self._keys = ReplyKeys()
        self._proving = asyncio.Semaphore(_ALONE)
        self._alone_places = asyncio.Semaphore(_ALONE)
        self._refusals = defaultdict[tuple[str, str], Refusals](Refusals)
        self._turns = WeakValueDictionary[str, asyncio.Lock]()
        # By what it was and why.
        self.given_up: Counter[tuple[str, str]] = Counter()
        self.dead_lettered: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.reconnects: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        """Connect."""
        async with AsyncExitStack() as stack:
            self._connection = await self._connected("publish", stack)
            self._confirming = await self._connection.channel(on_return_raises=True)
            self._confirming.reopen_callbacks.add(self._on_reopened)
            self._replies = await self._connected("reply", stack)
            self._quick = await self._replies.channel(publisher_confirms=False)
            self._confirmed_replies = await self._replies.channel()
            self._overdue = (
                OverdueConfirms(self._connection, self._confirming),
                OverdueConfirms(self._replies, self._confirmed_replies),
            )
            self._closing = stack.pop_all()
        return self

    async def _connected(self, purpose: str, stack: AsyncExitStack) -> AbstractRobustConnection:
        connection = await connect_robust(
            with_connection_name(self._url, purpose),
            timeout=CONNECT_SECONDS,
            reconnect_interval=1.0,
            connection_class=CancellableConnection,
        )
        stack.push_async_callback(closed, connection)
        connection.reconnect_callbacks.add(lambda *_: self.reconnects.update([purpose]))
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect, once what was sent last is on its way: the broker answers what came after that."""
        await answers(self._replies, _ANSWER_SECONDS)
        await self._closing.aclose()

    async def is_connected(self) -> bool:
        """Return whether there are connections, be they blocked, and channels on them."""
        to_events = _is_usable(self._connection, self._confirming)
        return await to_events and await _is_usable(self._replies, self._quick, self._confirmed_replies)

    async def is_open(self) -> bool:
        """Return whether the broker takes messages just now: it is there, and no alarm blocks it."""
        are_open = await takes_messages(self._connection) and await takes_messages(self._replies)
        return are_open and await self.is_connected() and await answers(self._connection, _ANSWER_SECONDS)

    async def watch_delays(self) -> None:
        """See, for ever, whether what is to be tried again comes back. To be used while it is open."""
        assert self._connection is not None  # noqa: S101 - see above
        await self.delays.watch(self._connection)

    async def watch_confirms(self) -> None:
        """Open anew, for ever, what the broker confirms nothing on. To be used while it is open."""
        async with asyncio.TaskGroup() as group:
            for each in self._overdue:
                group.create_task(each.watch())

    async def reply(self, message: Message, queue: str, *, confirmed: bool, seconds: float) -> bool:
        """Send the reply *message* to *queue* and, if *confirmed*, wait until the broker has it.

        After some *seconds* it is of no use any more, and it is given up; return whether it was not.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._reply(message, queue, confirmed=confirmed)
        except (TimeoutError, BrokerChoked) as error:  # the broker is away, or takes no such message
            self._give_up("reply", error, message)
            return False
        except DeliveryError:  # the caller's queue takes no more, which only the caller can help
            _log.info("reply refused", correlation_id=message.correlation_id)
        return True

    async def _reply(self, message: Message, queue: str, *, confirmed: bool) -> None:
        if not self._keys.are_proven(queue):
            async with self._proving:
                if not self._keys.are_proven(queue):
                    await self._publish_alone(message, queue)
                    self._keys.prove(queue)
                    return
        channel = self._confirmed_replies if confirmed else self._quick
        try:
            # Not mandatory: RabbitMQ 3.10 returns a mandatory direct reply that it has delivered.
            await publish(self._replies, channel, message, queue)
        except BrokerChoked:  # over this one, or one beside it: of a node that is gone, keys do harm
            self._keys.forget()
            await self._publish_alone(message, queue)

    async def dead_letter(self, message: Message, queue: str) -> None:
        """Put the dead letter *message* into *queue*, and wait until the broker has it; or `BrokerChoked`."""
        await self._insist(message, queue, what="dead letter")
        self.dead_lettered[queue] += 1

    async def schedule_retry(self, message: Message, queue: str, delay: str) -> None:
        """Let *message* come to *queue* after a delay, and wait until the broker has it.

        Where no queue is seen to give it back, it waits here, and is still the broker's if we die.

        Raises:
            BrokerChoked: The broker cannot bear it.

        """
        await self._insist(message, queue, what="retry", delay=delay)
        self.retried[queue] += 1

    async def _insist(self, message: Message, queue: str, *, what: str, delay: str | None = None) -> None:
        while True:
            usable = self.delays.usable(delay) if delay else None
            try:
                if delay and usable is None:
                    await asyncio.sleep(_HELD_SECONDS)
                return await self._send(message, queue, what=what, exchange=usable or "", mandatory=True)
            except DeliveryError as error:  # somebody has deleted the queue, and has to make it again
                _log.error(f"{what} refused", queue=usable or queue, error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def publish_event(self, event: Message, routing_key: str, *, needed: bool) -> None:
        """Publish *event*, and wait until the broker has it. If it is *needed*, a queue must take it.

        Raises:
            DeliveryError: A queue refuses it, being full or without a leader, or none takes what is needed.
            BrokerChoked: The broker cannot bear it.

        """
        await self._send(event, routing_key, what="event", exchange=EVENTS_EXCHANGE, mandatory=needed)

    async def _send(
        self, message: Message, routing_key: str, *, what: str, exchange: str, mandatory: bool
    ) -> None:
        """Publish beside others and, if the broker chokes on one of them, once more alone.

        Of mandatory messages with one id, one at a time: by that id alone aiormq knows which of them has been
        returned, and would take another one's confirm for this one's. Callers may give the same id to many.
        """
        turn: AbstractAsyncContextManager[None] = nullcontext()
        if mandatory and message.message_id:
            turn = self._turns.setdefault(message.message_id, asyncio.Lock())
        async with turn:
            try:
                await publish(
                    self._connection,
                    self._confirming,
                    message,
                    routing_key,
                    exchange=exchange,
                    mandatory=mandatory,
                )
                self._refusals[exchange, routing_key].on_taken()
            except BrokerChoked as error:
                _log.error("publishing alone", what=what, queue=routing_key, error_type=str(error))
                try:
                    await self._publish_alone(message, routing_key, exchange=exchange, mandatory=mandatory)
                except BrokerChoked as worse:
                    self._give_up(what, worse, message)
                    raise
            except PublishError:  # it was returned: no queue is bound
                raise
            except DeliveryError:
                refusals = self._refusals[exchange, routing_key]
                refusals.on_refused(asyncio.get_running_loop().time())
                if not refusals.are_lasting:
                    raise
                self._refusals[exchange, routing_key] = refusals.begin_anew()
                if not await self._is_taken_elsewhere(
                    message, routing_key, exchange=exchange, mandatory=mandatory
                ):
                    raise

    async def _is_taken_elsewhere(
        self, message: Message, routing_key: str, *, exchange: str, mandatory: bool
    ) -> bool:
        """Publish on a connection of its own, within seconds; return whether it was taken there.

        If so, the channel that refused it is given up, with its connection.
        """
        here = self._refusals
        try:
            async with asyncio.timeout(_ALONE_SECONDS):
                await self._try_alone(message, routing_key, exchange=exchange, mandatory=mandatory)
        except (*AWAY, TooManyAbandoned, BrokerChoked):  # AMQPError among them, which a refusal is
            return False
        if self._refusals is here and self._connection and self._connection.connected.is_set():
            _log.warning("connection given up: it refuses what is taken elsewhere", queue=routing_key)
            with suppress(*AWAY):
                await abort(self._confirming)
        return True

    def _on_reopened(self, *_: object) -> None:
        self._refusals = defaultdict(Refusals)  # those were of another channel

    async def _publish_alone(
        self, message: Message, routing_key: str, *, exchange: str = "", mandatory: bool = False
    ) -> None:
        """Publish on a connection of its own, once, however long the broker is away.

        Raises:
            BrokerChoked, DeliveryError

        """
        while True:
            try:
                return await self._try_alone(message, routing_key, exchange=exchange, mandatory=mandatory)
            except DeliveryError:
                raise
            except (*AWAY, TooManyAbandoned) as error:
                _log.warning("publishing again", error_type=type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _try_alone(self, message: Message, routing_key: str, *, exchange: str, mandatory: bool) -> None:
        line: Line | None = None
        try:
            with map_cancellation():
                async with (
                    self._alone_places,
                    asyncio.timeout(_ALONE_SECONDS),
                    connected(with_connection_name(self._url, "single")) as connection,
                ):
                    line = connection.transport.connection if connection.transport else None
                    channel = await connection.channel(on_return_raises=True)
                    await publish_once(channel, message, routing_key, exchange=exchange, mandatory=mandatory)
        except DeliveryError:
            raise
        except (*AWAY, TooManyAbandoned) as error:
            if choke := line and await choke_of(line, error):
                raise choke from error
            raise

    def _give_up(self, what: str, error: Exception, message: Message) -> None:
        why = str(error) or type(error).__name__
        self.given_up[what, why] += 1
        _log.error("given up", what=what, why=why, correlation_id=message.correlation_id)


async def _is_usable(connection: AbstractRobustConnection | None, *channels: AbstractRobustChannel) -> bool:
    """Return whether *channels* are open, or an alarm keeps that from being known.

    One that the broker has closed by itself is opened again, and that may have come to nothing.
    """
    if not await takes_messages(connection):
        return connection is not None and connection.connected.is_set()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            for each in channels:
                await each.ready()
    except TimeoutError:
        return False
    return True
