"""What a process does when it is asked to end."""

import asyncio
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

# By an orchestrator, from the keyboard, by a terminal that was closed, and with Ctrl-\.
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
# To wait for work that was asked to stop.
_CANCELLING_SECONDS: Final = 2.0
# How long a process may take to end as it should.
_PATIENCE_SECONDS: Final = 60.0

Made = TypeVar("Made")


def on_termination(do: Callable[[], object]) -> None:
    """Let each `ENDING` signal do this from now on, in place of what it did, while the event loop runs.

    One that whoever started us ignores, as `nohup` does, stays ignored.
    """
    for each in _handled_signals():
        asyncio.get_running_loop().add_signal_handler(each, do)


class Termination:
    """An orderly end, which the first signal asks for. The second one, or the end of its time, is the end.

    Neither needs the event loop, which may be what does not come back.

    Args:
        seconds: How long an orderly end may take.
        forced_code: What the process exits with where it had no time for that.

    Attributes:
        requested: Set once the end was asked for.
        code: What the process is to exit with, if somebody asked for the end who knows that.

    """

    def __init__(self, seconds: float, forced_code: int) -> None:
        self._seconds = seconds
        self._forced_code = forced_code
        self._begun = False
        self.requested = asyncio.Event()
        self.code = 0

    def install(self) -> None:
        """Let each `ENDING` signal ask for the end; the main thread of a running event loop may call this."""
        self._loop = asyncio.get_running_loop()
        for each in _handled_signals():
            signal.signal(each, self._on_signal)
        atexit.register(ignore_signals)

    def begin(self, code: int = 0) -> None:
        """Ask for the end, which takes so many seconds at most; a signal from now on is the second one."""
        if self._begun:
            return
        self._begun, self.code = True, code
        self.install()
        timer = threading.Timer(self._seconds, os._exit, [code or self._forced_code])
        timer.daemon = True
        timer.start()
        self._loop.call_soon_threadsafe(self.requested.set)

    async def unless_requested(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do *work*; return whether it came to its end before somebody asked for ours."""
        working: asyncio.Task[Any] = asyncio.create_task(work)
        asking: asyncio.Task[Any] = asyncio.create_task(self.requested.wait())
        try:
            await asyncio.wait([working, asking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            working.cancel()
            await asyncio.wait([working], timeout=_CANCELLING_SECONDS)
        if working.done() and not working.cancelled():
            working.result()
            return not self._begun
        return False

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._begun:
            os._exit(self.code or self._forced_code)
        self.begin()


async def finished(work: Coroutine[Any, Any, Made]) -> Made:
    """Do *work*; if we are cancelled, it comes to its end first, if that is soon.

    What was half done when a signal came could be neither counted nor undone.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working], timeout=_CANCELLING_SECONDS)
        raise


def run_until_terminated(work: Coroutine[Any, Any, Made]) -> Made:
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

        for each in _handled_signals():
            asyncio.get_running_loop().add_signal_handler(each, end, each)
        return await working

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not heard:
            raise
        sys.exit(128 + heard[0])


def _handled_signals() -> list[signal.Signals]:
    return [each for each in ENDING if signal.getsignal(each) is not signal.SIG_IGN]


def ignore_signals() -> None:
    """Let no signal change an exit code that is certain already.

    Python is about to give them back to the system, which would kill us by the next one.
    """
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)


def end_with_standard_input() -> None:
    """Take the end of standard input for a SIGTERM: whoever held its other end has ended, however.

    A pipe tells that of a process that was killed, too, and on every system.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(_PATIENCE_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)  # the second one leaves at once

    threading.Thread(target=wait, name="parent", daemon=True).start()
