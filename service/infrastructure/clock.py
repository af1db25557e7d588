"""The machine's clock."""

from datetime import UTC, datetime

from service.app.clock import Clock


class SystemClock(Clock):
    """Tells the machine's time."""

    def now(self) -> datetime:
        """Return the current time: UTC, in whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
