"""When another channel is to be tried, because this one refuses all that is sent to a queue.

RabbitMQ 3.10 keeps, for each channel and quorum queue, the node of the queue's leader. Where that node is
down when the channel first publishes to the queue, each message is nacked until the node is back
(`rabbit_fifo_client:enqueue/3`), though the queue has another leader meanwhile, and takes what comes over
another channel. A queue that is full looks the same to a channel over which it has never taken anything.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Self

# For how many seconds a queue may refuse. Each time that another channel did not help, twice as long.
_FIRST_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 64.0


@dataclass(slots=True)
class Refusals:
    """What becomes of the messages to one queue that are sent over one channel.

    Attributes:
        are_lasting: Whether none was taken, and the queue goes on refusing them.

    """

    are_lasting: bool = False
    _patience: float = _FIRST_SECONDS
    _is_taking: bool = False
    _since: float | None = None

    def on_taken(self) -> None:
        """Remember that the queue takes messages: if it refuses some later, it is most likely full."""
        self._is_taking = True
        self.are_lasting = False

    def on_refused(self, now: float) -> None:
        """Take note that it has refused one, at a time in seconds."""
        if self._since is None:
            self._since = now
        self.are_lasting = not self._is_taking and now - self._since >= self._patience

    def begin_anew(self) -> Self:
        """Return what to begin with on another channel: more patience, if this queue is why that is tried."""
        if self.are_lasting:
            return type(self)(_patience=min(2 * self._patience, _LONGEST_SECONDS))
        is_refusing = self._since is not None and not self._is_taking
        return type(self)(_patience=self._patience) if is_refusing else type(self)()


RefusalsByQueue = defaultdict[str, Refusals]
