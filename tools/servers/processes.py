"""Child processes with private data, both of which end with us, however we end."""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeVar

from tools.servers.errors import PortTaken, ServerFailed
from tools.servers.logs import end_of, short_logs
from tools.servers.waiting import wait_until

Found = TypeVar("Found")

LOOPBACK = "127.0.0.1"

# Stays beside us and reads process groups, one per line. When the pipe closes because we are gone (kill -9
# included), it kills them, and removes the data and what else is named. At `end` all have ended already.
# PR_SET_PDEATHSIG would not do: it follows the thread that started a child, not the process, and that child's
# children do not inherit it. Killing hard is right: nobody wants the data, and it is the fastest end.
GUARD = """
trap '' HUP INT TERM
groups= ended=
while [ -z "$ended" ] && read -r group; do
    if [ "$group" = end ]; then ended=yes; else groups="$groups -$group"; fi
done
[ -z "$ended" ] || groups=
for group in $groups; do kill -s KILL -- "$group"; done
for group in $groups; do
    tries=0
    while [ $tries -lt 300 ] && kill -s 0 -- "$group"; do tries=$((tries + 1)); sleep 0.01; done
done
folder=$1
shift
rm -rf -- "$folder"
[ -n "$ended" ] || rm -rf -- "$@"
"""

# A child reports its group before it becomes the server, so at no moment would the guard miss it. Until then
# its standard input is the guard's pipe; afterwards it must not be, for an open copy keeps the pipe alive.
# Most shells let a process open 1,024 files: mongod dies of that, and RabbitMQ takes no more connections. The
# documentation of both asks for 64,000. Erlang makes room for as many as it may open, so there is a limit.
MAX_FILES = 65_536
ENLIST = (
    f'echo $$ >&0; ulimit -Sn {MAX_FILES} 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"; exec "$@" </dev/null'
)


@dataclass(slots=True)
class Child:
    """A server that we started, in a process group of its own: a Ctrl-C in the terminal reaches only us.

    Attributes:
        was_ready: Whether it has ever been; one that was not may have lost its port, and have a successor.

    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    was_ready: bool = False

    def wait_until(self, ready: Callable[[], Found | None], *, within: float) -> Found:
        """Return what *ready* finds, or raise `ServerFailed` when the process ends or time runs out."""

        def look() -> Found | None:
            if self.process.poll() is not None:
                raise self.failure("ended while starting")
            return ready()

        try:
            found = wait_until(look, within=within)
        except TimeoutError as late:
            raise self.failure(f"was not ready: {late}") from late
        self.was_ready = True
        return found

    def failure(self, what: str) -> ServerFailed:
        """Say *what* became of it, with the end of its log."""
        log = self.log.read_text(errors="replace")
        taken = any(words in log.lower() for words in ("address already in use", "eaddrinuse"))
        return (PortTaken if taken else ServerFailed)(f"{self.name} {what}. {end_of(self.log)}")


@dataclass(frozen=True, slots=True)
class Processes:
    """Starts children under one folder; any thread may."""

    folder: Path
    guard: subprocess.Popen[bytes]
    children: list[Child] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def new_folder(self, name: str) -> Path:
        """Make a folder for one child's data."""
        folder = self.folder / f"{name}-{secrets.token_hex(4)}"
        folder.mkdir()
        return folder

    def start(self, name: str, command: Sequence[str | Path], folder: Path, **variables: str) -> Child:
        """Start *command* at home in *folder*; of our environment it gets PATH only, beside *variables*."""
        log = folder / f"{name}.log"
        return self.launch(name, command, log, _environment(folder) | variables, folder)

    def launch(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str],
        where: Path | None = None,
    ) -> Child:
        """Start *command* with that *environment* and no other, *where* we are or in another folder."""
        with self.lock:
            log.write_bytes(b"")
            with log.open("ab") as output:  # not "wb": see `shorten`
                process = subprocess.Popen(
                    ["/bin/sh", "-c", ENLIST, "sh", *command],
                    stdin=self.guard.stdin,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=where,
                    env=environment,
                    start_new_session=True,
                )
            self.children.append(child := Child(name, process, log))
        return child

    def check(self) -> None:
        """Raise `ServerFailed`, with the end of its log, if one that was ready has ended."""
        for child in self.children:
            if child.was_ready and child.process.poll() is not None:
                raise child.failure("ended")

    def stop(self) -> None:
        """End all children and remove their data; none can be started afterwards."""
        assert self.guard.stdin is not None  # noqa: S101 - a pipe was asked for
        if self.guard.stdin.closed:  # whoever could not wait for the end of the block has done it
            return
        with self.lock, self.guard.stdin as pipe:
            # Here and not only in the guard: a child that is about to report to it would come too late.
            for child in self.children:
                # The number of one that has ended may be that of somebody else's group by now.
                if child.process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(child.process.pid, signal.SIGKILL)
            for child in self.children:
                child.process.wait()
            with suppress(BrokenPipeError):
                pipe.write(b"end\n")
        self.guard.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Leave out whatever RABBITMQ_*, ERL_* and secrets we were started with."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{path}:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}


@contextmanager
def private_processes(*if_killed: Path) -> Iterator[Processes]:
    """Give a place to start processes; all of them have ended, and their data is gone, at the end.

    If we are killed, so that nobody else can, what *if_killed* names is removed with them.
    """
    # The guard comes first: at no moment is there a folder that nobody would remove.
    folder = Path(tempfile.gettempdir(), f"profile-servers-{secrets.token_hex(6)}")
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "profile-servers-guard", folder, *if_killed],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        bufsize=0,
        start_new_session=True,
    )
    processes = Processes(folder, guard)
    try:
        folder.mkdir(mode=0o700)
        with short_logs(lambda: [child.log for child in processes.children]):
            yield processes
    finally:
        processes.stop()


def free_port() -> int:
    """Choose a port that nobody listens on. Somebody may be faster: see `with_free_ports`."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether nobody listens on *port*, on this machine's own interface or on all of them."""
    with socket.socket() as probe:
        # As servers do. Without it, connections that have just been closed would hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def with_free_ports(start: Callable[[], Found]) -> Found:
    """Call *start*, and again with other ports if somebody else took one of them meanwhile."""
    for _ in range(3):
        try:
            return start()
        except PortTaken:
            continue
    return start()
