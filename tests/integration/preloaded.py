"""`profilectl` that starts in a moment: forked from a process that has imported it already.

To import it takes two seconds of CPU, and the documents type it dozens of times. Workers start from nothing.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

from service.cli.lazy import COMMANDS
from tools.servers.waiting import wait_until

_ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60.0
_LONGEST: Final = 65_536
_MODULE: Final = "service.cli"
_PROGRAM: Final = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1:2] == ["worker"]:
    os.execv(sys.argv[0] + ".real", sys.argv)
request = {{"words": sys.argv, "environment": dict(os.environ), "folder": os.getcwd()}}
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
    sys.exit(int(server.recv(16)))
"""


@contextmanager
def preloaded(folder: Path) -> Iterator[Path]:
    """Give a program that does what `profilectl` does; what it needs is in *folder*."""
    address, program = folder / "socket", folder / "profilectl"
    program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    server = subprocess.Popen([sys.executable, "-m", __name__, str(address)], cwd=_ROOT)
    try:
        wait_until(address.exists, within=_START_SECONDS)
        yield program
    finally:
        server.terminate()
        server.wait()


def _serve(address: str) -> None:
    for each in {*(f"{_MODULE}.{each.module}" for each in COMMANDS.values()), "typer.rich_utils"}:
        import_module(each)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen()
        Path(f"{address}.new").rename(address)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for a program
        while True:
            connection, _ = listening.accept()
            with connection:
                if os.fork() == 0:
                    _answer(connection)


def _answer(connection: socket.socket) -> None:
    """Do what is asked for on *connection* in a process of its own, and say how that ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _, _ = socket.recv_fds(connection, _LONGEST, 3)
    if (pid := os.fork()) == 0:
        for number, file in enumerate(files):
            os.dup2(file, number)
        _become(**json.loads(request))
    _, status = os.waitpid(pid, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(words: list[str], environment: dict[str, str], folder: str) -> None:
    """Do what `python -m` does; end as it ends."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:] = words
    code: object = 1
    try:
        runpy.run_module(_MODULE, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(sys.argv[1])
