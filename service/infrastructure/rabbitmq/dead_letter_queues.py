"""Reads, moves and deletes dead letters, over AMQP alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError
from aiormq.exceptions import ChannelLockedResource
from yarl import URL

from service.infrastructure.rabbitmq.bounded_publish import (
    TakesNoMessages,
    confirming_channel,
    publish_soon,
)
from service.infrastructure.rabbitmq.connection import connected
from service.infrastructure.rabbitmq.dead_letter import DeadLetter, parked, replayed
from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from service.infrastructure.rabbitmq.topology import PARKED

# The most that AMQP knows, and more than the policy lets a queue hold. Without a number, a quorum queue
# gives no more than 2,000.
_ALL: Final = 65_535
# The broker takes back what nobody has acknowledged for 30 minutes.
_HOLDING: Final = timedelta(minutes=25)
# A letter that was counted and does not come has expired meanwhile.
_PATIENCE: Final = timedelta(seconds=5)
# How long what was not counted may come; nothing comes any more, if for so long nothing came.
_LATECOMERS: Final = timedelta(seconds=1)
_QUIET: Final = timedelta(milliseconds=100)


class DeadLetterError(Exception):
    """What was asked for cannot be done; the sentence says why."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of a broker.

    Attributes:
        user: Who we are to it.
        confirming: A channel on which it says whether it has taken what is published. It has a connection of
            its own: during an alarm the broker reads nothing more from one that publishes, no acknowledgement
            and no goodbye either.

    """

    user: str
    connection: AbstractConnection
    confirming: AbstractChannel

    @asynccontextmanager
    async def leased(self, queue: str, *, at_a_glance: bool = False) -> AsyncIterator[list[DeadLetter]]:
        """Give every letter in *queue*, oldest first; at the end, those not acknowledged lie as they did.

        Letters keep their order only if one consumer holds all of them when it goes (RabbitMQ 3.10;
        tried): a quorum queue puts what is returned behind what was returned before. So all are taken,
        whichever are meant, and an exclusive queue keeps others from doing the same meanwhile. *at_a_glance*
        may miss what has come in this moment.
        """
        async with self.connection.channel() as channel, exclusive_lock(channel, queue):
            try:
                source = await channel.declare_queue(queue, passive=True)
            except ChannelNotFoundEntity:
                raise DeadLetterError(f"There is no {queue}: run `profilectl topology apply`.") from None
            await channel.set_qos(prefetch_count=_ALL)
            inbox: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            tag = await source.consume(inbox.put)
            try:
                counted = await _collected(inbox, source.declaration_result.message_count or 0)
                yield counted if at_a_glance else [*counted, *await _latecomers(inbox)]
            finally:
                await source.cancel(tag)

    async def replay(self, letter: DeadLetter) -> None:
        """Send *letter* back to where it came from; the caller has asked `replay_blocker` before."""
        await self._publish(replayed(letter, self.user), letter.origin)
        await letter.message.ack()

    async def park(self, letter: DeadLetter, now: datetime) -> None:
        """Put *letter* where it does not count any more."""
        await self._publish(parked(letter, now), PARKED)
        await letter.message.ack()

    async def delete(self, letter: DeadLetter) -> None:
        """Drop *letter* for good."""
        await letter.message.ack()

    async def _publish(self, message: Message, queue: str) -> None:
        try:
            await publish_soon(self.confirming, message, queue, mandatory=True)
        except DeliveryError:
            raise DeadLetterError(
                f"{queue} is full or not there; what was not moved yet stays where it is."
            ) from None
        except TakesNoMessages as error:  # and may still find the message in what it has not read
            rest = "What was not moved yet stays where it is; one letter may be moved twice."
            raise TimeoutError(f"{error} {rest}") from None


@asynccontextmanager
async def opened(url: URL) -> AsyncIterator[DeadLetters]:
    """Connect, and disconnect at the end."""
    install_lenient_codec()  # letters echo what callers have put into properties
    async with connected(url) as connection, connected(url) as publishing:
        yield DeadLetters(url.user or "guest", connection, await confirming_channel(publishing))


async def throttled(letters: Sequence[DeadLetter], per_second: float | None) -> AsyncIterator[DeadLetter]:
    """Give *letters* no faster than that, and no longer than the broker lets them be held."""
    clock = asyncio.get_running_loop()
    end = clock.time() + _HOLDING.total_seconds()
    every = timedelta(seconds=1 / per_second if per_second else 0)
    for letter in letters:
        yield letter
        if clock.time() > end:
            return
        if every:
            await asyncio.sleep(every.total_seconds())


@asynccontextmanager
async def exclusive_lock(channel: AbstractChannel, queue: str) -> AsyncIterator[None]:
    """Keep others out: a queue that is exclusive to one connection cannot be declared by another."""
    try:
        lock = await channel.declare_queue(f"{queue}.lock", exclusive=True)
    except ChannelLockedResource:
        raise DeadLetterError(f"Somebody else is at work on {queue}: try again later.") from None
    try:
        yield
    finally:
        if not channel.is_closed:
            await lock.delete()


async def _collected(inbox: asyncio.Queue[AbstractIncomingMessage], count: int) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    with suppress(TimeoutError):
        while len(letters) < count:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                letters.append(DeadLetter(await inbox.get()))
    return letters


async def _latecomers(inbox: asyncio.Queue[AbstractIncomingMessage]) -> list[DeadLetter]:
    """Return what was not counted: for a moment, a quorum queue counts too few."""
    letters: list[DeadLetter] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(_LATECOMERS.total_seconds()):
            while True:
                async with asyncio.timeout(_QUIET.total_seconds()):
                    letters.append(DeadLetter(await inbox.get()))
    return letters
