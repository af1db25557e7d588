"""How a worker ends: it takes nothing more, finishes what is in flight, and only then closes all else."""

from functools import partial
from typing import Final

import structlog

from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.rabbitmq.connection import AWAY
from service.infrastructure.rabbitmq.consumers import Consumers
from service.pkg.signals import Termination

# All of the end. Kubernetes kills after 30, if nobody says otherwise.
STOP_SECONDS: Final = 28.0
# Of that, finishing what is in flight; and before it, waiting until nothing is on its way any more.
DRAIN_SECONDS: Final = 18.0
_FILL_SECONDS: Final = 5.0

# Exit codes. 1 is for what failed, 2 for wrong settings.
UNACKED: Final = 3  # some messages were left unfinished; other workers get them again
STUCK: Final = 4  # something did not come back by itself

_log = structlog.get_logger("profile.worker")


class GracefulShutdown:
    """Lets a worker end without losing or repeating anything.

    Attributes:
        has_begun: Whether the worker takes nothing more.
        unacked: How many messages it left unfinished; the broker gives them to another worker.

    """

    def __init__(self, consumers: Consumers, in_flight: InFlight, termination: Termination) -> None:
        self._consumers = consumers
        self._in_flight = in_flight
        self._termination = termination
        self.has_begun = False
        self.unacked = 0

    async def run(self) -> None:
        """Finish what is in flight. A second signal, or the end of the time, leaves the rest to others."""
        self.has_begun = True
        self._termination.begin()
        _log.info("draining")
        with self._in_flight.pause_acks():
            try:
                await self._consumers.close(
                    partial(self._in_flight.until_full_or_quiet, seconds=_FILL_SECONDS)
                )
            except AWAY as error:
                _log.warning("broker away", error_type=type(error).__name__)
        self.unacked = await self._in_flight.drain(DRAIN_SECONDS)
        log = _log.warning if self.unacked else _log.info
        log("drained", unacked=self.unacked)
