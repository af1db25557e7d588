"""Ends what tests have started and left behind, however the tests themselves end.

`python -m tests.reaper MARK FOLDER` waits until its standard input ends, because whoever holds the other end
is done, was interrupted, or was killed. Then it kills every process that has MARK in its environment, and
removes FOLDER. The guards of `tools.servers` end by themselves, once they have ended the servers that they
keep, which have an environment of their own.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tools.servers.waiting import wait_until

VARIABLE: Final = "PROFILE_TEST_RUN"
# More than a guard needs to end its servers and remove their data.
_SECONDS_OF_GUARDS: Final = 15.0


@contextmanager
def reaping() -> Iterator[Path]:
    """Mark every process that is started inside the block, and give a folder: neither outlives it, or us."""
    mark, folder = secrets.token_hex(8), Path(tempfile.mkdtemp(prefix="profile-tests-"))
    reaper = subprocess.Popen(
        [sys.executable, "-m", "tests.reaper", mark, folder],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        start_new_session=True,  # a Ctrl-C in the terminal is not for it
    )
    outer = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = mark
    try:
        yield folder
    finally:
        del os.environ[VARIABLE]
        if outer:
            os.environ[VARIABLE] = outer
        reaper.communicate()


def marked(mark: str) -> Iterator[int]:
    """Return the processes that were started with *mark*; this system has to have a /proc."""
    wanted = f"{VARIABLE}={mark}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if wanted in environment.read_bytes().split(b"\0"):
                yield int(environment.parent.name)


def main() -> None:
    """Wait for the end, and then kill until nobody is left: some may just be starting others."""
    sys.stdin.buffer.read()
    mark, folder = sys.argv[1:]
    while found := [each for each in marked(mark) if not is_guard(each)]:
        kill(found)
    with suppress(TimeoutError):
        wait_until(lambda: not list(marked(mark)), within=_SECONDS_OF_GUARDS)
    kill(marked(mark))
    shutil.rmtree(folder)


def is_guard(process: int) -> bool:
    """Return whether *process* is there to end others when whoever has started it is gone."""
    with suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        return any(each.endswith(b"-guard") for each in words)
    return False


def kill(processes: Iterable[int]) -> None:
    """End *processes*, if they are still there."""
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


if __name__ == "__main__":
    main()
