"""How `make run` and `make demo` end: by a signal, by an error, or by themselves; never with a traceback."""

import asyncio
import ctypes
import os
import select
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Thread
from types import FrameType
from typing import Final, TypeVar

from tools.servers import ServerFailed, ServersUnavailable
from tools.worker import WorkerFailed

Result = TypeVar("Result")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1
_FAILED: Final = 1
# What a shell adds to a signal's number.
BY_SIGNAL: Final = 128


@dataclass(slots=True)
class _Ending:
    """Raises `KeyboardInterrupt` for the first signal, so that what was started is stopped in order."""

    signal: int = 0
    task: asyncio.Task[object] | None = None

    def begin(self, number: int, _frame: FrameType | None) -> None:
        if not self.signal:
            self.signal = number
            if self.task is None:
                raise KeyboardInterrupt
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)
            return
        # A second Ctrl-C leaves at once: guards end what we started. Not so a second SIGTERM or SIGHUP:
        # they come twice as a matter of course, from make and from whoever sent them to us both.
        if number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


_ending: Final = _Ending()


async def interruptible(main: Awaitable[Result]) -> Result:
    """Await *main*. A signal cancels it, so that it closes what it has opened; then `KeyboardInterrupt`."""
    _ending.task = asyncio.current_task()
    try:
        return await main
    except asyncio.CancelledError:
        if _ending.signal:
            raise KeyboardInterrupt from None
        raise
    finally:
        _ending.task = None


def ended_well(main: Callable[[], int], *, stopped: int | None = None) -> int:
    """Run *main*; return its exit code, or 1 after one sentence about what went wrong.

    Ctrl-C, SIGTERM and SIGHUP stop it: *stopped* is the exit code then, else 128 and the signal's number.
    """
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may know ASCII only
    for number in _SIGNALS:
        signal.signal(number, _ending.begin)
    _end_with_make()
    if sys.stdout.isatty():
        Thread(target=_end_with_terminal, name="terminal", daemon=True).start()
    try:
        return main()
    except KeyboardInterrupt:
        try:
            print("Stopped.", flush=True)
        except OSError:  # the terminal is gone; what was not written would be tried again at the exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BY_SIGNAL + _ending.signal if stopped is None else stopped
    except (ServersUnavailable, ServerFailed, WorkerFailed) as failure:
        print(failure, file=sys.stderr)
        return _FAILED


def _end_with_terminal() -> None:
    """Wait until the terminal is gone. Where make leads its session, nobody but make hears of that."""
    terminal = select.poll()
    terminal.register(sys.stdout, 0)
    terminal.poll()
    os.kill(os.getpid(), signal.SIGHUP)


def _end_with_make() -> None:
    """Let the kernel send SIGTERM when make is killed: by itself, make takes nobody with it."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
