"""How a worker ends: it takes nothing more, finishes what it has in hand, and only then closes all else."""

import asyncio
from typing import Final

import structlog
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from service.infrastructure.inputports.in_hand import InHand
from service.infrastructure.rabbitmq.consumers import Consumers
from service.pkg.signals import at_a_signal

# Kubernetes kills after 30, if nobody says otherwise; some of that is for closing.
DRAIN_SECONDS: Final = 20.0
# Before that: how long to wait at most until nothing is on its way any more.
_FILL_SECONDS: Final = 8.0

_log = structlog.get_logger("profile.worker")


class Drain:
    """Lets a worker end without losing or repeating anything.

    Attributes:
        has_begun: Whether the worker takes nothing more.
        abandoned: How many messages it left unfinished; the broker gives them to another worker.

    """

    def __init__(self, consumers: Consumers, in_hand: InHand) -> None:
        self._consumers = consumers
        self._in_hand = in_hand
        self.has_begun = False
        self.abandoned = 0

    async def run(self) -> None:
        """Finish what is in hand. A second signal, or the end of the time, leaves the rest to others."""
        self.has_begun = True
        _log.info("draining")
        forced = asyncio.Event()
        at_a_signal(forced.set)
        async with self._in_hand.filled(_FILL_SECONDS):
            try:
                await self._consumers.close()
            except (AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError) as error:
                _log.warning("broker away", error_type=type(error).__name__)
        self.abandoned = await self._in_hand.finished(DRAIN_SECONDS, forced)
        log = _log.warning if self.abandoned else _log.info
        log("drained", abandoned=self.abandoned)
