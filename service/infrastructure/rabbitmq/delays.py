"""The queues in which messages wait to be tried again: used once they are seen to give back what they get.

What brings a message back is a policy, and a virtual host may have none. Over AMQP nobody sees policies, but
a message of our own shows what they do. Without them a message waits for ever, and, as only the first of a
queue can expire, so do all that come after it, even once the policies are there (tried on RabbitMQ 3.10.8).
"""

import asyncio
from typing import Any, Final
from uuid import uuid4

import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused
from pamqp import commands

from service.infrastructure.rabbitmq.connection import AWAY, close_channel, map_cancellation, plain_channel
from service.infrastructure.rabbitmq.topology import RETRIES
from service.pkg.background import is_cancelled

# A probe expires by itself, so it lies around in no queue: it comes back by the policy, or is dropped.
_LIFETIME_MS: Final = 500
# It waits for those before it, each of which has the delay of its queue at most.
_PATIENCE_SECONDS: Final = 12.0
# How long the broker may take to answer: in a cluster with a silent node, some answers come much later.
_ANSWER_SECONDS: Final = 5.0
# Where a probe comes back to outlives us, for one that found no queue would stay, and keep others back.
_INBOX_MS: Final = 30 * 60 * 1_000
_PROBE: Final = "profile.probe"
# Between two probes: of a queue that gave the last one back, and of one that did not.
_PAUSE_SECONDS: Final = 300.0
_SOON_SECONDS: Final = 10.0

_log = structlog.get_logger("profile.delays")


class Delays:
    """Knows which of the queues of `RETRIES` give back.

    Attributes:
        broken: What is wrong with those that do not: a sentence by name.

    """

    def __init__(self) -> None:
        self._proven: set[str] = set()
        self.broken: dict[str, str] = {}

    def usable(self, delay: str) -> str | None:
        """Return *delay* if it gives back, else the longest of the shorter ones that does, else `None`."""
        proven = [each for each in self._proven if RETRIES[each] <= RETRIES[delay]]
        return max(proven, key=lambda each: RETRIES[each], default=None)

    async def watch(self, connection: AbstractConnection) -> None:
        """Send probes over *connection*, for ever."""
        async with asyncio.TaskGroup() as group:
            for each in RETRIES:
                group.create_task(self._watch_one(connection, each))

    async def _watch_one(self, connection: AbstractConnection, delay: str) -> None:
        while not is_cancelled():
            try:
                await self._look(connection, delay)
            except ChannelAccessRefused:  # operators make everything here, and see to policies as well
                self._note(delay, None)
            except AWAY as error:
                _log.info("delay not looked at", queue=delay, error_type=type(error).__name__)
            length = _PAUSE_SECONDS if delay in self._proven else _SOON_SECONDS
            await asyncio.sleep(length)

    async def _look(self, connection: AbstractConnection, delay: str) -> None:
        """Send a probe, note what comes of it, and empty a queue that gives nothing back."""
        inbox = f"{_PROBE}.{uuid4().hex}"
        channel = await plain_channel(connection, confirms=True)
        try:
            with map_cancellation():
                if await self._gives_back(channel, delay, inbox):
                    self._note(delay, None)
                else:
                    self._note(delay, f"{delay} gives nothing back: its policy is missing, or another holds")
                    await _emptied(channel, delay)
                await channel.basic_cancel(inbox, timeout=_ANSWER_SECONDS)
                await channel.queue_delete(inbox, timeout=_ANSWER_SECONDS)
        finally:
            await close_channel(channel)

    async def _gives_back(self, channel: AbstractChannel, delay: str, inbox: str) -> bool:
        """Return whether a message comes from *delay* to *inbox* in time."""
        milliseconds, came = RETRIES[delay], asyncio.Event()
        arguments: dict[str, Any] = {"x-queue-type": "classic", "x-expires": milliseconds + _INBOX_MS}
        await channel.queue_declare(inbox, durable=True, arguments=arguments, timeout=_ANSWER_SECONDS)

        async def take(_probe: DeliveredMessage) -> None:
            came.set()

        await channel.basic_consume(inbox, take, no_ack=True, consumer_tag=inbox, timeout=_ANSWER_SECONDS)
        probe = commands.Basic.Properties(message_type=_PROBE, expiration=str(_LIFETIME_MS))
        await channel.basic_publish(
            b"",
            exchange=delay,
            routing_key=inbox,
            properties=probe,
            mandatory=True,
            timeout=_ANSWER_SECONDS,
        )
        try:
            async with asyncio.timeout(milliseconds / 1000 + _PATIENCE_SECONDS):
                await came.wait()
        except TimeoutError:
            if channel.is_closed:  # together with whoever waited for the probe
                message = "the connection broke"
                raise ConnectionError(message) from None
            return False
        return True

    def _note(self, delay: str, why: str | None) -> None:
        if why and delay not in self.broken:
            _log.error("commands would wait for ever", queue=delay, why=why)
        if why is None and delay in self.broken:
            _log.warning("delay gives back again", queue=delay)
        if why:
            self.broken[delay] = why
            self._proven.discard(delay)
        else:
            self.broken.pop(delay, None)
            self._proven.add(delay)


async def _emptied(channel: AbstractChannel, delay: str) -> None:
    """Let everything in *delay* be tried again now, for nothing else would bring it back."""
    while True:
        found = await channel.basic_get(delay, timeout=_ANSWER_SECONDS)
        if not isinstance(found.delivery, commands.Basic.GetOk) or found.delivery.delivery_tag is None:
            return
        properties = found.header.properties
        if properties.message_type != _PROBE:
            await channel.basic_publish(
                found.body,
                routing_key=found.routing_key or "",
                properties=properties,
                mandatory=True,
                timeout=_ANSWER_SECONDS,
            )
            _log.warning("given back by hand", queue=found.routing_key, delay=delay)
        await channel.basic_ack(found.delivery.delivery_tag)
