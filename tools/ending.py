"""How `make run` and `make demo` end: by a signal, by an error, or by themselves; never with a traceback."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final

from tools.servers import ServerFailed, ServersUnavailable
from tools.worker import WorkerFailed

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG: Final = 1
_FAILED: Final = 1
# What a shell adds to a signal's number.
BY_SIGNAL: Final = 128


@dataclass(slots=True)
class _Ending:
    """Raises `KeyboardInterrupt` for the first signal, so that what was started is stopped in order."""

    signal: int = 0

    def begin(self, number: int, _frame: FrameType | None) -> None:
        if not self.signal:
            self.signal = number
            raise KeyboardInterrupt
        # A second Ctrl-C leaves at once: guards end what we started. Not so a second SIGTERM or SIGHUP:
        # they come twice as a matter of course, from make and from whoever sent them to us both.
        if number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def ended_well(main: Callable[[], int], *, stopped: int | None = None) -> int:
    """Run *main*; return its exit code, or 1 after one sentence about what went wrong.

    Ctrl-C, SIGTERM and SIGHUP stop it: *stopped* is the exit code then, else 128 and the signal's number.
    """
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may know ASCII only
    ending = _Ending()
    for number in _SIGNALS:
        signal.signal(number, ending.begin)
    _end_with_make()
    try:
        return main()
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            print("Stopped.", flush=True)
        return BY_SIGNAL + ending.signal if stopped is None else stopped
    except (ServersUnavailable, ServerFailed, WorkerFailed) as failure:
        print(failure, file=sys.stderr)
        return _FAILED


def _end_with_make() -> None:
    """Let the kernel send SIGTERM when make is killed: by itself, make takes nobody with it."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
