"""Servers in containers, by the command `docker`, so that nothing but an engine and three images is needed.

A guard of our own ends the containers with us, however we end, so no image of a reaper is needed, either.
"""

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from service.pkg.management_api import ManagementApi
from tools.servers.addresses import Address
from tools.servers.errors import ServerFailed, ServersUnavailable
from tools.servers.local_mongodb import primary_version
from tools.servers.local_rabbitmq import rabbitmq_overview
from tools.servers.local_redis import redis_version
from tools.servers.processes import LOOPBACK
from tools.servers.waiting import Found, wait_until

Report = Callable[[str], None]

# In seconds. An engine that is slower than that to say its version is slower than this machine's programs.
TO_ANSWER, TO_PULL, TO_RUN, TO_START = 3.0, 180.0, 60.0, 120.0

# Like the guard of processes: it reads names, and removes those containers when the pipe closes. Each
# `docker` that makes one holds the pipe open, so the guard never looks before the container is there.
GUARD = """
trap '' HUP INT TERM
docker=$1 names=
while read -r name; do names="$names $name"; done
[ -z "$names" ] || "$docker" rm --force --volumes $names
"""


def why_no_docker() -> str | None:
    """Ask the engine for its version, quietly; return why there is none, or nothing if it answers."""
    docker = shutil.which("docker")
    if docker is None:
        return "no command `docker` is here"
    question = [docker, "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(
            question, capture_output=True, stdin=subprocess.DEVNULL, timeout=TO_ANSWER, check=False
        )
    except subprocess.TimeoutExpired:
        return f"its engine does not answer within {TO_ANSWER:g} s"
    except OSError as refusal:
        return f"`docker` does not run: {refusal.strerror}"
    return "its engine does not answer" if done.returncode else None


@dataclass(frozen=True, slots=True)
class Containers:
    """Starts containers; any thread may. They end with the guard."""

    docker: Path
    guard: subprocess.Popen[bytes]
    report: Report

    def rabbitmq(self) -> Address:
        """Start RabbitMQ with its management plugin."""
        name, (port, console_port) = self._run("rabbitmq:4-management", 5672, 15672)
        url, management_url = f"amqp://guest:guest@{LOOPBACK}:{port}", f"http://{LOOPBACK}:{console_port}"
        management = ManagementApi.of(management_url, url)
        overview = self._wait(name, lambda: rabbitmq_overview(management))
        return Address(f"RabbitMQ {overview['rabbitmq_version']} (Docker)", url, management_url)

    def mongodb(self) -> Address:
        """Start MongoDB as a replica set of one, which knows itself by its address inside the container."""
        name, (port,) = self._run("mongo:8", 27017, command=("--replSet", "rs0"))
        url, member = f"mongodb://{LOOPBACK}:{port}", "127.0.0.1:27017"
        version = self._wait(name, lambda: primary_version(url, member))
        return Address(f"MongoDB {version} (Docker)", f"{url}/?replicaSet=rs0&directConnection=true")

    def redis(self) -> Address:
        """Start Valkey, the Redis that is free software."""
        name, (port,) = self._run("valkey/valkey:8", 6379)
        url = f"redis://{LOOPBACK}:{port}"
        version = self._wait(name, lambda: redis_version(url))
        return Address(f"Valkey (Redis {version}, Docker)", url)

    def _run(self, image: str, *ports: int, command: tuple[str, ...] = ()) -> tuple[str, list[int]]:
        """Run *image*; return the container's name, and where its *ports* are on this machine."""
        self._pull(image)
        assert self.guard.stdin is not None  # noqa: S101 - a pipe was asked for
        name = f"profile-{secrets.token_hex(6)}"
        published = [f"--publish={LOOPBACK}::{port}" for port in ports]  # else on every interface
        self.guard.stdin.write(f"{name}\n".encode())
        self._docker(
            "run", "--detach", f"--name={name}", *published, image, *command,
            within=TO_RUN, holding=self.guard.stdin.fileno(),
        )  # fmt: skip
        told = [self._docker("port", name, str(port), within=TO_RUN) for port in ports]
        return name, [int(line.splitlines()[0].rpartition(":")[2]) for line in told]

    def _pull(self, image: str) -> None:
        with suppress(ServersUnavailable):
            self._docker("image", "inspect", "--format", "{{.Id}}", image, within=TO_RUN)
            return
        self.report(f"Docker pulls {image}, once (at most {TO_PULL:g} s)")
        self._docker("pull", "--quiet", image, within=TO_PULL)

    def _wait(self, name: str, look: Callable[[], Found | None]) -> Found:
        def look_while_it_runs() -> Found | None:
            if self._docker("inspect", "--format", "{{.State.Running}}", name, within=TO_RUN) != "true":
                raise self._failure(name, "ended while starting")
            return look()

        try:
            return wait_until(look_while_it_runs, within=TO_START, every=0.2)
        except TimeoutError as late:
            raise self._failure(name, f"was not ready: {late}") from late

    def _failure(self, name: str, what: str) -> ServerFailed:
        logs = self._docker("logs", "--tail", "15", name, within=TO_RUN)
        return ServerFailed(f"The container {name} {what}. The end of its log:\n{logs}")

    def _docker(self, *arguments: str, within: float, holding: int | None = None) -> str:
        """Return what `docker` prints; *holding* is a file that it holds open, and does not use."""
        what = f"`docker {' '.join(arguments)}`"
        try:
            done = subprocess.run(
                [self.docker, *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=within,
                check=False,
                pass_fds=() if holding is None else (holding,),
                start_new_session=True,  # a Ctrl-C in the terminal is for us
            )
        except subprocess.TimeoutExpired:
            raise ServersUnavailable(f"{what} takes longer than {within:g} s") from None
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            raise ServersUnavailable(f"{what} failed: {said}")
        return done.stdout.strip()


@contextmanager
def running_containers(report: Report) -> Iterator[Containers]:
    """Give a place to run containers; all of them are gone at the end, however we end.

    Raises:
        ServersUnavailable: No engine answers.

    """
    if reason := why_no_docker():
        raise ServersUnavailable(f"Docker: {reason}.")
    docker = Path(str(shutil.which("docker")))
    with subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "profile-containers-guard", docker],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        bufsize=0,
        start_new_session=True,
    ) as guard:
        yield Containers(docker, guard, report)
