"""Where servers come from: the order, and one line for each way that did not do. No real server is needed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tools.servers as ways
from tools.servers import ServersUnavailable, containers, running_servers
from tools.servers.addresses import Address
from tools.servers.containers import why_no_docker
from tools.servers.environment import MONGODB, RABBITMQ, REDIS, SOURCE

FakeDocker = Callable[[str], Path]


class Local:
    """This machine's programs, all of them up at once."""

    def rabbitmq(self) -> Address:
        return Address("RabbitMQ", "amqp://guest:guest@127.0.0.1:1", "http://127.0.0.1:2")

    def mongodb(self) -> Address:
        return Address("MongoDB", "mongodb://127.0.0.1:3")

    def redis(self) -> Address:
        return Address("Redis", "redis://127.0.0.1:4")


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """No addresses in the environment, and programs that start."""
    for name in (*RABBITMQ, MONGODB, REDIS, SOURCE):
        monkeypatch.delenv(name, raising=False)

    @contextmanager
    def local(*_: object) -> Iterator[tuple[Local, Callable[[], None]]]:
        yield Local(), lambda: None

    monkeypatch.setattr(ways, "_local", local)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A function that puts a script in the place of `docker`; gives the file that lists its calls."""

    def put(script: str) -> Path:
        program, calls = tmp_path / "docker", tmp_path / "calls"
        calls.touch()
        program.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return calls

    return put


def started(monkeypatch: pytest.MonkeyPatch, *, programs_here: bool) -> list[str]:
    """Start servers, and return the lines that were told."""
    monkeypatch.setattr(ways, "all_here", lambda _: programs_here)
    told: list[str] = []
    with running_servers(told.append) as servers:
        assert servers.redis_url == "redis://127.0.0.1:4"
    return told


def test_programs_that_are_here_come_before_docker(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an engine that is not needed."""
    calls = docker("exit 0")

    assert len(started(monkeypatch, programs_here=True)) == len(("RabbitMQ", "MongoDB", "Redis"))
    assert not calls.read_text()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('[ "$1" != version ]', "Docker: its engine does not answer."),
        ('[ "$1" != version ] || exec sleep 30', "Docker: its engine does not answer within 0.2 s."),
        (
            'case "$1" in version) ;; *) echo "registry: no such host" >&2; exit 1 ;; esac',
            "failed: registry: no such host",
        ),
        (
            'case "$1" in version) ;; image) exit 1 ;; *) exec sleep 30 ;; esac',
            "takes longer than 0.2 s",
        ),
        (
            'case "$1" in run) echo "bad bridge" >&2; exit 125 ;; esac',
            "failed: bad bridge",
        ),
    ],
)
def test_where_docker_does_not_do_programs_do(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    """No engine, a slow one, no image, an image that takes too long, a container that does not start."""
    docker(script)
    monkeypatch.setattr(containers, "TO_ANSWER", 0.2 if "within 0.2" in reason else 20.0)
    monkeypatch.setattr(containers, "TO_PULL", 0.2 if "longer" in reason else 20.0)

    told = started(monkeypatch, programs_here=False)

    (line,) = (line for line in told if line.endswith("Next: this machine's programs."))
    assert reason in line
    assert "\n" not in line


def test_containers_are_removed_even_if_they_did_not_all_start(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard removes every name that was ever given to `docker run`."""
    calls = docker('case "$1" in run) exit 125 ;; esac')

    started(monkeypatch, programs_here=False)

    lines = calls.read_text().splitlines()
    named = {part[len("--name=") :] for line in lines for part in line.split() if part.startswith("--name=")}
    (removed,) = (line.split()[3:] for line in lines if line.startswith("rm "))
    assert named
    assert named <= set(removed)


def test_where_docker_is_wanted_nothing_else_will_do(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says why there are no servers."""
    docker('[ "$1" != version ]')
    monkeypatch.setenv(SOURCE, "docker")

    with (
        pytest.raises(ServersUnavailable, match=r"^Docker: its engine does not answer\.$"),
        running_servers(),
    ):
        pass


def test_no_command_docker_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without it is no exception."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert why_no_docker() == "no command `docker` is here"
