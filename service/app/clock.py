"""Time, passed in."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current time: UTC, in whole milliseconds, which is what MongoDB keeps."""
