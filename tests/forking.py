"""Processes of the service that start in a moment: forked from one that has imported it already.

To import all that a worker or `profilectl` needs takes two seconds of CPU, and a run starts hundreds of them.
What a start from nothing does, `test_worker_start.py` and `test_startup.py` show, which do not come here.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO, Any, Final, cast

from service.cli.lazy import COMMANDS

_ROOT: Final = Path(__file__).parents[1]
_PRELOADED: Final = (
    *{f"service.cli.{each.module}" for each in COMMANDS.values()},
    # What is imported later, when it is first needed.
    "_strptime",
    "anyio._backends._asyncio",
    "rich._emoji_codes",
    "typer.rich_utils",
    "uvloop",
    "zxcvbn.frequency_lists",
)
_LONGEST: Final = 65_536


@dataclass(slots=True)
class Forked:
    """A process that was forked, with as much of `subprocess.Popen` as tests use."""

    pid: int
    returncode: int | None = None
    ended: Event = field(default_factory=Event)

    def poll(self) -> int | None:
        """Return the exit code, if it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended, or raise `TimeoutExpired`."""
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired(["forked"], timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def watch(self, status: IO[str]) -> None:
        """Wait until *status* says how it has ended."""
        with status:
            self.returncode = int(status.readline())
        self.ended.set()


class _Server:
    """The process that is forked, started when it is asked for and not there. It ends with this one.

    It may end before: with the block of `tests.reaper.reaping` in which it was started.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def ask(self, request: Mapping[str, Any], files: Sequence[int]) -> None:
        """Hand over a request and the files that it needs."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._start()
            socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], files)

    def _start(self) -> None:
        self._socket, its = socket.socketpair()
        command = [sys.executable, "-m", __name__]
        with its:
            self._process = subprocess.Popen(command, stdin=its.fileno(), cwd=_ROOT, start_new_session=True)

    def _end(self) -> None:
        if self._process:
            self._socket.close()
            self._process.wait()


_server: Final = _Server()


def fork(
    module: Sequence[str],
    environment: Mapping[str, str],
    stdin: IO[Any],
    stdout: IO[Any],
    stderr: IO[Any],
    *,
    folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Do what `python -m` does with *module* and its arguments, in a session of its own."""
    reading, writing = os.pipe()
    where = str(folder or Path.cwd())
    try:
        request = {"module": list(module), "environment": dict(environment), "folder": where}
        _server.ask(request, [stdin.fileno(), stdout.fileno(), stderr.fileno(), writing])
    finally:
        os.close(writing)
    status = os.fdopen(reading)
    process = Forked(int(status.readline()))
    Thread(target=process.watch, args=(status,), daemon=True).start()
    return cast("subprocess.Popen[bytes]", process)


def run(
    module: Sequence[str],
    environment: Mapping[str, str],
    typed: str = "",
    within: float = 60.0,
    folder: Path | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run *module* to its end, which has to come *within* so many seconds, as `subprocess.run` does."""
    with ExitStack() as stack:
        stdin, stdout, stderr = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)
        )
        stdin.write(typed)
        stdin.seek(0)
        process = fork(module, environment, stdin, stdout, stderr, folder=folder)
        try:
            code = process.wait(within)
        finally:
            process.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(list(module), code, stdout.read(), stderr.read())


def _serve(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for each request, and return it in the process that is to do it; return `None` at the end."""
    while True:
        _forget_the_ended()
        text, files, _, _ = socket.recv_fds(requests, _LONGEST, 4)
        while text and not text.endswith(b"\n"):
            text += requests.recv(_LONGEST)
        if not text:
            return None
        if os.fork() == 0:
            return _watched(json.loads(text), files)
        for file in files:
            os.close(file)


def _forget_the_ended() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _watched(request: dict[str, Any], files: list[int]) -> tuple[dict[str, Any], list[int]]:
    """Fork once more, and say who that is, and how it ends; return in that one only."""
    *standard, status = files
    if (child := os.fork()) == 0:
        os.close(status)
        return request, standard
    os.write(status, f"{child}\n".encode())
    _, how = os.waitpid(child, 0)
    os.write(status, f"{os.waitstatus_to_exitcode(how)}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], standard: list[int]) -> None:
    """Do what was asked for; this process is for that only."""
    os.setsid()
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    module, *arguments = request["module"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, and serve until whoever asks has ended."""
    for each in _PRELOADED:
        import_module(each)
    gc.freeze()  # or its first collection would copy all of it
    with socket.socket(fileno=os.dup(0)) as requests:
        found = _serve(requests)
    if found:
        _become(*found)


if __name__ == "__main__":
    main()
