"""A Docker engine with data and a socket of its own, which ends with us and takes its containers along."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

from tools.servers.processes import private_processes

_BRIDGE: Final = "docker0"
_SECONDS_TO_START: Final = 60.0
_COMMAND_SECONDS: Final = 600.0
# The engine is the first process of a namespace: when it ends, so does everything in there, and all mounts.
_NAMESPACE: Final = ("unshare", "--fork", "--kill-child", "--pid", "--mount", "--mount-proc")

# Like the guards of processes: when the pipe closes, it waits for the engine's end, and then restores.
_NETWORK_GUARD: Final = """
trap '' HUP INT TERM
forwarding=/proc/sys/net/ipv4/ip_forward
rules=$(iptables-save) forwarded=$(cat $forwarding) before=" $(cd /sys/class/net && echo *) "
echo ready
groups=
while read -r group; do groups="$groups $group"; done
for group in $groups; do
    tries=0
    while [ $tries -lt 600 ] && kill -s 0 -- "-$group"; do tries=$((tries + 1)); sleep 0.05; done
done
for network in $(cd /sys/class/net && echo docker0 br-* veth*); do
    case $before in *" $network "*) ;; *) ip link delete "$network" ;; esac
done
for folder in /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker; do
    find "$folder" -depth -type d -exec rmdir {} +
done
printf '%s\\n' "$rules" | iptables-restore
echo "$forwarded" > $forwarding
"""


class CommandFailed(Exception):
    """A command failed; the message is the end of what it said."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine.

    Attributes:
        environment: What makes `docker`, and everything that calls it, use this engine.
        folder: For files that end with it.

    """

    environment: Mapping[str, str]
    folder: Path

    def run(self, *command: str | Path, where: Path | None = None, **variables: str) -> str:
        """Run *command* on this engine; return what it prints.

        Raises:
            CommandFailed: It failed, or took longer than ten minutes.

        """
        what = " ".join(map(str, command))
        try:
            done = subprocess.run(
                command,
                cwd=where,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"`{what}` took longer than {_COMMAND_SECONDS:g} s.") from None
        if done.returncode:
            end = "\n".join(done.stdout.splitlines()[-25:])
            raise CommandFailed(f"`{what}` ended with {done.returncode}:\n{end}")
        return done.stdout


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Give an engine; nothing of it is left at the end.

    Raises:
        CommandFailed: There is an engine's bridge here already, which ours would take over.
        ServerFailed: It did not start; quotes its log.

    """
    if Path("/sys/class/net", _BRIDGE).exists():
        raise CommandFailed(f"This machine has a network {_BRIDGE}: another Docker engine runs here, or did.")
    with _network_restored() as restored_after, private_processes() as processes:
        folder = processes.new_folder("docker")
        socket = f"unix://{folder}/docker.sock"
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "docker.pid"}
        child = processes.start(
            "dockerd",
            [
                *_NAMESPACE,
                str(shutil.which("dockerd")),
                f"--host={socket}",
                *(f"--{option}={folder / name}" for option, name in options.items()),
            ],
            folder,
        )
        restored_after(child.process.pid)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        environment |= {"DOCKER_HOST": socket, "DOCKER_CONFIG": str(folder / "config")}
        engine = Engine(environment, folder)
        child.wait_until(lambda: _answers(engine), within=_SECONDS_TO_START)
        yield engine


def _answers(engine: Engine) -> bool:
    try:
        return bool(json.loads(engine.run("docker", "version", "--format", "{{json .Server}}")))
    except CommandFailed:
        return False


def _tell(pipe: IO[bytes], group: int) -> None:
    pipe.write(f"{group}\n".encode())


@contextmanager
def _network_restored() -> Iterator[Callable[[int], None]]:
    """Take back what an engine does to the machine's network, and leaves there, however we end.

    Gives a function that is to be told of the engine's process group.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", _NETWORK_GUARD, "profile-network-guard"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        bufsize=0,
        start_new_session=True,
    ) as guard:
        assert guard.stdin is not None  # noqa: S101 - pipes were asked for
        assert guard.stdout is not None  # noqa: S101
        guard.stdout.readline()  # it has seen how things are
        yield partial(_tell, guard.stdin)
