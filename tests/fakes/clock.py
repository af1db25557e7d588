"""A clock that stands still until it is told to go on."""

from datetime import datetime, timedelta

from service.app.clock import Clock
from tests.builders import NOON


class FakeClock(Clock):
    """Tells the time it was given."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def now(self) -> datetime:
        """Return the time it was given."""
        return self.time

    def advance(self, **amount: float) -> None:
        """Let time pass."""
        self.time += timedelta(**amount)
