"""When a message first came: as of then, the token of a fire-and-forget command has to be good."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from service.app.clock import Clock
from service.infrastructure.inputports.amqp.sender_signature import LATEST, History
from service.infrastructure.rabbitmq.headers import ATTEMPTS, BROKER_TIMESTAMP
from service.pkg.message_fields import count_header

# No token is judged as of a time longer ago, whatever is said of a message.
LONGEST_WAIT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Finds out when a message first came.

    Attributes:
        is_broker_believed: Whether the broker writes the header `timestamp_in_ms` of every message itself,
            over what its sender has written there. If not, only what a worker has signed is believed.

    """

    clock: Clock
    is_broker_believed: bool = False

    def first(self, message: AbstractIncomingMessage, history: History) -> datetime:
        """Return when *message*, whose verified *history* is given, first came; now, if that is not known.

        It is never in the future, and at most a day ago.
        """
        now = self.clock.now()
        milliseconds = history.arrived_at or self._broker_says(message)
        if not milliseconds:
            return now
        return min(max(datetime.fromtimestamp(milliseconds / 1000, UTC), now - LONGEST_WAIT), now)

    def seconds_in_queue(self, message: AbstractIncomingMessage, spent: float) -> float | None:
        """Return how long *message*, which we have for *spent* seconds, was on the broker before.

        Only the broker can tell, and only of a message that its sender has published: not of one that has
        waited to be tried again.
        """
        milliseconds = 0 if ATTEMPTS in message.headers else self._broker_says(message)
        if not milliseconds:
            return None
        return max(0.0, self.clock.now().timestamp() - spent - milliseconds / 1000)

    def _broker_says(self, message: AbstractIncomingMessage) -> int:
        if not self.is_broker_believed:
            return 0
        return count_header(message.headers, BROKER_TIMESTAMP, LATEST).get(BROKER_TIMESTAMP, 0)
