"""What a process does when it is told to end."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from threading import Event, Thread
from typing import Any, Final, TypeVar

# By an orchestrator, from the keyboard, by a terminal that was closed, and with Ctrl-\.
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
# How long a process may take to end as it should.
_PATIENCE_SECONDS: Final = 60.0

Made = TypeVar("Made")


def at_a_signal(do: Callable[[], object]) -> None:
    """Let each `ENDING` signal do this from now on, in place of what it did, while the event loop runs.

    One that whoever started us ignores, as `nohup` does, stays ignored.
    """
    for each in _heard():
        asyncio.get_running_loop().add_signal_handler(each, do)


def run_until_told(work: Coroutine[Any, Any, Made]) -> Made:
    """Run *work*; a signal cancels it, so that whatever is in its `finally` is done.

    Raises:
        SystemExit: A signal came; the code is what a shell would say.

    """
    heard: list[signal.Signals] = []

    async def run() -> Made:
        working = asyncio.ensure_future(work)

        def end(number: signal.Signals) -> None:
            heard.append(number)
            working.cancel()

        for each in _heard():
            asyncio.get_running_loop().add_signal_handler(each, end, each)
        return await working

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not heard:
            raise
        sys.exit(128 + heard[0])


def _heard() -> list[signal.Signals]:
    return [each for each in ENDING if signal.getsignal(each) is not signal.SIG_IGN]


def end_with_standard_input() -> None:
    """Take the end of standard input for a SIGTERM: whoever held its other end has ended, however.

    A pipe tells that of a process that was killed, too, and on every system.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        Event().wait(_PATIENCE_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)  # the second one leaves at once

    Thread(target=wait, name="parent", daemon=True).start()
