"""A worker whose clock is thirty seconds ahead, which is as far as clocks may be apart.

`python -m tests.cluster.worker_ahead worker`, in place of `python -m tests.integration.cheap_worker worker`.
"""

from datetime import datetime, timedelta
from unittest.mock import patch

from service import bootstrap
from service.cli import app
from service.infrastructure.clock import SystemClock
from tests.integration.cheap_worker import cheap

_AHEAD = timedelta(seconds=30)
_now = SystemClock.now


def ahead(clock: SystemClock) -> datetime:
    """Return the time that it will be."""
    return _now(clock) + _AHEAD


if __name__ == "__main__":
    with patch.object(bootstrap, "Bcrypt", cheap), patch.object(SystemClock, "now", ahead):
        app()
