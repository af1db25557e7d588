"""A consumer that gets nothing although its queue holds something begins anew, with all of its connection.

RabbitMQ may lose acknowledgements when a node of a cluster is cut off (rabbitmq-server #14589, #15473): then
what was done with long ago fills the prefetch for as long as the connection lives. The channel is open and
the consumer is there, so nothing else notices.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from service.infrastructure.rabbitmq.connection import AWAY
from service.infrastructure.rabbitmq.consumers import Consumers
from service.infrastructure.rabbitmq.queue_depths import depths
from service.pkg.background import is_cancelled

# Between two looks.
_PAUSE_SECONDS: Final = 20.0
# How long an idle consumer gets nothing from a queue that is never seen empty; RabbitMQ takes milliseconds.
_SECONDS: Final = 60.0
# Where that did not help, it is not tried again for so long.
_AGAIN_SECONDS: Final = 600.0

_log = structlog.get_logger("profile.consumers")


@dataclass(slots=True)
class StarvingConsumers:
    """Looks after the consumers of a worker.

    Attributes:
        arrived: How many messages have come from each queue since the worker started.
        in_flight: How many of those are not done with.

    """

    consumers: Consumers
    arrived: Callable[[], Mapping[str, int]]
    in_flight: Callable[[], Mapping[str, int]]
    _before: Mapping[str, int] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _renewed_at: float = -_AGAIN_SECONDS

    async def watch(self) -> None:
        """Look at all queues again and again."""
        while not is_cancelled():
            try:
                await self.look(asyncio.get_running_loop().time())
            except AWAY as error:
                _log.info("queues not looked at", error_type=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self, now: float) -> None:
        """Look once, at a time in seconds, and drop a connection by which a queue starves us.

        It comes back by itself.

        Raises:
            AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError: The broker is away.

        """
        holding = await self._that_hold_something()
        before, self._before = self._before, dict(self.arrived())
        idle = {
            each
            for each in holding
            if not self.in_flight().get(each) and self._before.get(each, 0) == before.get(each, 0)
        }
        self._since = {each: self._since.get(each, now) for each in idle}
        starving = sorted(each for each, since in self._since.items() if now - since >= _SECONDS)
        if starving and now - self._renewed_at >= _AGAIN_SECONDS:
            _log.error("starving", queues=starving)
            self._renewed_at = now
            await self.consumers.renew()

    async def _that_hold_something(self) -> set[str]:
        """Return the queues that are consumed here and hold messages that no consumer has."""
        connection = self.consumers.connection
        queues = await self.consumers.consumed() if connection else []
        if connection is None or not queues:
            return set()
        return {each.queue for each in await depths(connection, queues) if each.ready}
