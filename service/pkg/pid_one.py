"""The first process of a container, which gets no signal that it has not asked for (kill(2), NOTES)."""

import os
import signal
import sys


def exit_on_sigterm() -> None:
    """End at a SIGTERM from now on, as any other process would, until somebody sees to signals.

    To be called before the imports that take long: a container that is stopped while they run would have
    to be killed.
    """
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
