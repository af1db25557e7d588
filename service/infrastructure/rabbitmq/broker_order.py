"""Which broker of a cluster a connection goes to."""

import os
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

# Who connects again as soon as that has not been let in, or was thrown out.
_SOON_SECONDS: Final = 15.0


@dataclass(slots=True)
class BrokerOrder:
    """Orders brokers: each process has an order of its own, in which all its connections go.

    So processes spread over the brokers, and the loss of a broker is nothing to those that have no connection
    to it. Were each connection to go anywhere, most processes would have one to any broker that is lost.
    """

    _last: dict[str, tuple[str, float]] = field(default_factory=dict)

    def of(self, brokers: Sequence[str], name: str, now: float) -> list[str]:
        """Return *brokers* in the order in which connection *name* is to try them *now*, in seconds."""
        own = random.Random(f"{socket.gethostname()}/{os.getpid()}")  # noqa: S311 - to spread, not to be secret
        ordered = own.sample(sorted(brokers), len(brokers))
        last, at = self._last.get(name, ("", 0.0))
        if last and now - at < _SOON_SECONDS:
            ordered.sort(key=last.__eq__)  # stable: all but that one stay in order
        return ordered

    def connected(self, name: str, broker: str, now: float) -> None:
        """Note that connection *name* reached *broker*, which may still not let it in."""
        self._last[name] = broker, now
