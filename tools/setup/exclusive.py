"""Two set-ups of one environment take turns."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.setup.errors import SetupError
from tools.setup.installers import LONGEST_SECONDS

_PAUSE_SECONDS: Final = 0.1


@contextmanager
def exclusive(venv: Path) -> Iterator[int]:
    """Let nobody else work on *venv* while the block lasts. Gives the descriptor that holds the lock.

    Children that inherit it hold the lock as well: so one that outlives a killed set-up still has its turn.

    Raises:
        SetupError: Another set-up takes too long.

    """
    file = venv.with_name(f"{venv.name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait_for(descriptor, file)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, file: Path) -> None:
    give_up_at = time.monotonic() + LONGEST_SECONDS
    is_told = False
    while not _is_taken(descriptor):
        if not is_told:
            print(f"Waiting for another set-up here to end (it holds {file.name}).", flush=True)
            is_told = True
        if time.monotonic() > give_up_at:
            msg = f"Another set-up holds {file} for {LONGEST_SECONDS} s: end it, and try again."
            raise SetupError(msg)
        time.sleep(_PAUSE_SECONDS)  # between two looks at the lock


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
