"""A worker that gets SIGTERM as soon as it consumes, before its start has come to its end.

`python -m tests.faults.worker_ended_early worker`, in place of `python -m service.cli worker`.
"""

import asyncio
import os
import signal
from unittest.mock import patch

from service import main
from service.cli import app

_say_ready = main._say_ready  # noqa: SLF001 - the last thing that a start does
_TURNS = 100


async def ended() -> None:
    """Say so, and let the event loop do whatever it does about the signal before the start goes on."""
    await _say_ready()
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(_TURNS):
        await asyncio.sleep(0)


if __name__ == "__main__":
    with patch.object(main, "_say_ready", ended):
        app()
