"""Logs of what we start: quoted when something fails, and kept from growing for ever."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

# Of each log: how often it is looked at, how long it may be, and what is left of it then (bytes).
SECONDS, LONGEST, KEPT = 10.0, 64_000_000, 1_000_000


def end_of(log: Path, lines: int = 15) -> str:
    """Quote the last *lines* of *log*."""
    tail = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(["The end of its log:", *tail]) if tail else "It has logged nothing."


def shorten(log: Path, longest: int, kept: int) -> None:
    """Keep the last *kept* bytes of a *log* of more than *longest*; whoever appends to it may go on."""
    with log.open("r+b") as file:
        if file.seek(0, os.SEEK_END) <= longest:
            return
        file.seek(-kept, os.SEEK_END)
        tail = file.read()
        file.truncate(0)
    with log.open("ab") as file:
        file.write(tail)


@contextmanager
def short_logs(logs: Callable[[], Iterable[Path]]) -> Iterator[None]:
    """Keep *logs* short inside the block: `make run` may stay up for weeks."""
    done = Event()

    def look_after() -> None:
        while not done.wait(SECONDS):
            for log in logs():
                with suppress(FileNotFoundError):
                    shorten(log, LONGEST, KEPT)

    thread = Thread(target=look_after, name="short-logs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
