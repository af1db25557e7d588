"""When another channel is to be tried, because this one refuses all that is sent to a queue.

RabbitMQ 3.10 keeps, for each channel and quorum queue, the node of the queue's leader. Where that node is
down when the channel first publishes to the queue, each message is nacked until the node is back
(`rabbit_fifo_client:enqueue/3`), though the queue has another leader meanwhile, and takes what comes over
another channel. A queue that is full looks the same to a channel over which it has never taken anything.
"""

from dataclasses import dataclass, field
from typing import Final, Self

# For how many seconds a queue may refuse. Each time that another channel did not help, twice as long.
_FIRST_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 64.0


@dataclass(slots=True)
class Refusals:
    """What the queues do with requests that come over one channel.

    Attributes:
        are_lasting: Whether a queue that has taken none of them goes on refusing them.

    """

    are_lasting: bool = False
    _patience: float = _FIRST_SECONDS
    _taking: set[str] = field(default_factory=set)
    _since: dict[str, float] = field(default_factory=dict)

    def on_taken(self, queue: str) -> None:
        """Remember that *queue* takes requests: if it refuses some later, it is full."""
        self._taking.add(queue)

    def on_refused(self, queue: str, now: float) -> None:
        """Take note that *queue* has refused a request, at a time in seconds."""
        if queue not in self._taking:
            since = self._since.setdefault(queue, now)
            self.are_lasting |= now - since >= self._patience

    def on_next_channel(self) -> Self:
        """Return what is known of the channel that comes after this one: nothing but how patient to be."""
        if not self.are_lasting:
            return type(self)()
        return type(self)(_patience=min(2 * self._patience, _LONGEST_SECONDS))
