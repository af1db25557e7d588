"""A worker that looks all the time whether a queue is consumed, and asks nobody before it does so.

`python -m tests.faults.eager_worker`, with the environment of a worker.
"""

import sys
from datetime import timedelta
from unittest.mock import AsyncMock, patch

import typer

from service import main
from service.cli.worker import worker
from service.infrastructure.rabbitmq.topology_keeper import TopologyKeeper

if __name__ == "__main__":
    with (
        patch.object(main, "RESTORING", timedelta(milliseconds=1)),
        patch.object(TopologyKeeper, "ensure", AsyncMock()),
    ):
        try:
            worker()
        except typer.Exit as end:
            sys.exit(end.exit_code)
