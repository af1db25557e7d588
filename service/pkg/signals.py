"""What a process does when it is told to end."""

import asyncio
import signal
from collections.abc import Callable


def at_a_signal(do: Callable[[], object]) -> None:
    """Let SIGTERM and SIGINT do this from now on, in place of what they did, while the event loop runs."""
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, do)
