"""A channel on which nothing is confirmed any more is given up, together with its connection.

Before RabbitMQ 4.2, a channel may never send again what was on its way to the leader of a queue when that was
cut off (rabbitmq-server #14589). Before 3.11.23 and 3.12.5, it asks a node that is cut off before it sends
anything (#9221, #9241). Other channels of the connection are well meanwhile, and so are heartbeats and new
channels.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection

from service.infrastructure.rabbitmq.connection import AWAY
from service.infrastructure.rabbitmq.joined_writes import abort
from service.infrastructure.rabbitmq.publishing import takes_messages
from service.pkg.background import is_cancelled

# Between two looks.
_PAUSE_SECONDS: Final = 3.0
# How long the broker may take to confirm a message; without a fault it takes milliseconds. Each time that it
# did not help, it may take twice as long: a queue without a majority refuses a message after a `net_ticktime`
# and five seconds, by default 65.
_SECONDS: Final = 15.0
_MOST_DOUBLED: Final = 3
# For so long after that.
_REMEMBERED_SECONDS: Final = 600.0

_log = structlog.get_logger("profile.publisher")


@dataclass(slots=True)
class OverdueConfirms:
    """Watches what waits to be confirmed on the *channel* of a *connection*."""

    connection: AbstractRobustConnection
    channel: AbstractRobustChannel
    _oldest: object = None
    _since: float = 0.0
    _drops: int = 0
    _dropped_at: float = 0.0

    async def watch(self) -> None:
        """Drop the connection, for ever, whenever a message waits for too long. It is opened again by itself.

        During an alarm the broker reads nothing, and confirms it all when that is over.
        """
        while not is_cancelled():
            with suppress(*AWAY):
                await self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self, now: float) -> None:
        """Look once, at a time in seconds."""
        oldest = await self._waits_longest()
        if now - self._dropped_at > _REMEMBERED_SECONDS:
            self._drops = 0
        if oldest is None or oldest is not self._oldest:
            self._oldest, self._since = oldest, now
        elif now - self._since >= _SECONDS * 2**self._drops:
            _log.error("confirm overdue", seconds=round(now - self._since))
            self._drops, self._dropped_at = min(self._drops + 1, _MOST_DOUBLED), now
            await abort(self.channel)

    async def _waits_longest(self) -> object:
        """Return what stands for the message that has waited longest, if the broker takes any."""
        if not await takes_messages(self.connection):
            return None
        underlay: Any = await self.channel.get_underlay_channel()  # whose own type does not know them
        confirmations: Mapping[int, object] = underlay.confirmations
        return next(iter(confirmations.values()), None)
