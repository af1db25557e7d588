"""`make run` and how it ends: whatever ends it, and whenever, nothing stays running and no file is left."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.cli import MAY_COME_FROM_FILES
from service.pkg.management_api import ManagementApi
from tests.at_length import at_length
from tests.documents import ROOT, blocks
from tools import run
from tools.guide import EXAMPLE, Guide
from tools.servers import Servers
from tools.servers.logs import end_of, shorten
from tools.servers.sandbox import Sandbox
from tools.servers.waiting import wait_until
from tools.worker import Worker, WorkerFailed

ENDS = [signal.SIGKILL, *at_length(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
SOME_ENDS = [signal.SIGINT, *at_length(signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)]
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A program of `tools`, with a folder for temporary files that is its alone."""

    process: subprocess.Popen[bytes]
    temporary: Path
    output: Path

    def said(self) -> str:
        """Return what it has printed."""
        return self.output.read_text()

    def wait_for(self, look: Callable[[], object]) -> None:
        """Wait until *look* finds something, while it runs."""

        def found() -> object:
            assert self.process.poll() is None, self.said()
            return look()

        wait_until(found, within=SECONDS)

    def wait_until_ready(self) -> None:
        """Wait for the last line that it prints about itself."""
        self.wait_for(lambda: "Ctrl-C stops everything." in self.said())

    def others(self) -> list[int]:
        """List the processes that were told of its folder, itself not among them."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:  # it has ended, or is somebody else's
                continue
            if str(self.temporary).encode() in told and int(process.name) != self.process.pid:
                found.append(int(process.name))
        return found

    def worker(self) -> int:
        """Return the process id of the worker."""
        (worker,) = (pid for pid in self.others() if _command_of(pid).endswith("service.cli worker "))
        return worker

    def assert_nothing_is_left(self) -> None:
        """Allow for a moment: after SIGKILL, guards do it."""
        wait_until(lambda: not self.others() and not list(self.temporary.iterdir()), within=10)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@contextmanager
def started(
    module: str, folder: Path, environment: Mapping[str, str], terminal: int | None = None
) -> Iterator[Running]:
    """Start *module*, which prints to a file or to a *terminal*, and make sure that it ends."""
    (temporary := folder / "temporary").mkdir()
    output = folder / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, **environment, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=file if terminal is None else terminal,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Running(process, temporary, output)
        finally:
            process.kill()


def given(servers: Servers) -> dict[str, str]:
    """Return the environment that names *servers*."""
    return {
        "DEV_RABBITMQ_URL": servers.rabbitmq_url,
        "DEV_RABBITMQ_MANAGEMENT_URL": servers.management_url,
        "DEV_MONGO_URL": servers.mongo_url,
        "DEV_REDIS_URL": servers.redis_url,
    }


OWN = dict.fromkeys(
    ("DEV_RABBITMQ_URL", "DEV_RABBITMQ_MANAGEMENT_URL", "DEV_MONGO_URL", "DEV_REDIS_URL"), ""
) | {"DEV_SERVERS": "local"}


# What an operator's shell may say of other servers.
OF_OTHERS = {f"{each}_FILE": "/nowhere" for each in MAY_COME_FROM_FILES} | {
    "RABBITMQ_MANAGEMENT_URL": "http://guest:guest@127.0.0.1:1"
}


def assert_ended_by(running: Running, number: signal.Signals, stopped: int) -> None:
    """Hold exit code and last words of a program that *number* has ended."""
    code = running.process.wait(SECONDS)
    said = running.said()
    assert "Traceback" not in said
    if number is signal.SIGKILL:
        assert code == -number
        return
    assert code == stopped
    assert said.splitlines()[-1] == "Stopped."


@pytest.mark.parametrize("number", SOME_ENDS)
def test_ended_while_servers_start_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """All three are starting, each in a thread."""
    with started("tools.demo", tmp_path, OWN) as running:
        running.wait_for(lambda: len(list(running.temporary.glob("profile-servers-*/*-*"))) >= 3)
        running.process.send_signal(number)
        assert_ended_by(running, number, 128 + number)
        running.assert_nothing_is_left()


@pytest.mark.parametrize("number", ENDS)
def test_ended_while_running_leaves_nothing(number: signal.Signals, servers: Servers, tmp_path: Path) -> None:
    """The worker, its keys and its log go with us."""
    with started("tools.run", tmp_path, given(servers)) as running:
        running.wait_until_ready()
        assert list(running.temporary.glob("*/keys/*"))
        running.process.send_signal(number)
        assert_ended_by(running, number, 0)
        running.assert_nothing_is_left()


@pytest.mark.parametrize("number", SOME_ENDS)
def test_ended_while_stopping_leaves_nothing(
    number: signal.Signals, servers: Servers, tmp_path: Path
) -> None:
    """The worker drains: a second Ctrl-C and SIGKILL leave it no time, the others wait for it."""
    with started("tools.run", tmp_path, given(servers)) as running:
        running.wait_until_ready()
        worker = running.worker()
        os.kill(worker, signal.SIGSTOP)  # it takes its time
        running.process.send_signal(signal.SIGINT)
        running.wait_for(lambda: _is_pending(worker, signal.SIGTERM))
        running.process.send_signal(number)
        if number in {signal.SIGTERM, signal.SIGHUP}:
            os.kill(worker, signal.SIGCONT)
            assert_ended_by(running, number, 0)
        else:
            assert running.process.wait(SECONDS) == -number
            assert "Traceback" not in running.said()
        running.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, *at_length(signal.SIGTERM)])
def test_a_demo_that_is_ended_in_the_middle_leaves_nothing(
    number: signal.Signals, servers: Servers, tmp_path: Path
) -> None:
    """Its client and its listener are closed in order: asyncio has nothing to complain about."""
    with started("tools.demo", tmp_path, given(servers)) as running:
        running.wait_for(lambda: "Sign up" in running.said())
        running.process.send_signal(number)
        assert_ended_by(running, number, 128 + number)
        running.assert_nothing_is_left()

    assert "Task" not in running.said()


def test_a_terminal_that_is_gone_ends_it(servers: Servers, tmp_path: Path) -> None:
    """Even if no signal comes: make may lead the session, and then it alone hears of that."""
    ours, theirs = pty.openpty()
    with started("tools.run", tmp_path, given(servers), theirs) as running:
        os.close(theirs)
        running.wait_for(lambda: list(running.temporary.glob("*/settings.sh")))
        os.close(ours)
        assert running.process.wait(SECONDS) == 0
        running.assert_nothing_is_left()


def _is_pending(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    (pending,) = re.findall(r"^ShdPnd:\s+(\w+)$", status, re.MULTILINE)
    return bool(int(pending, 16) >> (number - 1) & 1)


def test_on_servers_of_its_own_everything_printed_works(tmp_path: Path) -> None:
    """The usual virtual host, an administrator and the README's example, all by what was printed."""
    with started("tools.run", tmp_path, OWN | {"BCRYPT_COST": "10"}) as running:
        running.wait_until_ready()
        said = running.said()
        broker, health = _printed(said, "broker"), _printed(said, "health")
        settings, admin = re.findall(r"Or, in short: (.*)\n.*\n  (.*)\n", said)[0]
        made = _shell(f"{settings} && {admin}", ADMIN_PASSWORD="correct horse battery staple")
        check = f"{settings} && {sys.prefix}/bin/profilectl topology check"
        checked = _shell(check)
        (example,) = re.findall(rf"^  cd (\S+)\n  (\S+) {EXAMPLE}$", said, re.MULTILINE)
        _save_example(tmp_path / EXAMPLE, broker)
        greeted = _shell(f"cd {example[0]} && {example[1]} {tmp_path / EXAMPLE}")
        with urllib.request.urlopen(health, timeout=10) as answer:  # noqa: S310 - our own
            assert answer.status == 200

        assert urlsplit(broker).path == "/"
        assert (urlsplit(broker).port == 5672) != ("Port 5672 was not free" in said)
        assert re.fullmatch(r'[0-9a-f-]{36}\n\{.*"event": "user_created"\}\n', made)
        assert "No worker answers" not in checked
        assert checked.splitlines()[-1] == "Everything stands as it should."
        assert greeted == "Hello Ada Lovelace\n"


def _printed(said: str, what: str) -> str:
    (found,) = re.findall(rf"^  {what} +(\S+)", said, re.MULTILINE)
    return str(found)


def _shell(line: str, **variables: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _save_example(file: Path, broker: str) -> None:
    """Do as the README says: save its program, with the address that was printed."""
    (example,) = (each for each in blocks(ROOT / "README.md") if each.file_name == EXAMPLE)
    usual = "amqp://gateway:gateway@127.0.0.1:5672/"
    assert example.text.count(usual) == 1
    file.write_text(example.text.replace(usual, broker))


@pytest.mark.at_length
def test_given_servers_keep_their_default_virtual_host(
    servers: Servers, management: ManagementApi, tmp_path: Path
) -> None:
    """What may be somebody else's broker gets a virtual host of our own, and loses it again."""
    before = management.get("queues", "/")
    with started("tools.run", tmp_path, given(servers)) as running:
        running.wait_until_ready()
        vhost = urlsplit(_printed(running.said(), "broker")).path[1:]
        assert management.get("queues", vhost)
        running.process.terminate()
        running.process.wait(SECONDS)

    assert vhost.startswith("profile-")
    assert vhost not in [each["name"] for each in management.get("vhosts")]
    assert management.get("queues", "/") == before


@pytest.fixture
def management(servers: Servers) -> ManagementApi:
    """The management API of the broker that all tests share."""
    return ManagementApi.of(servers.management_url, servers.rabbitmq_url)


@pytest.mark.at_length
def test_a_worker_is_not_told_of_the_servers_of_others(servers: Servers, tmp_path: Path) -> None:
    """It would make policies there, and ends if an address comes from two places."""
    with started("tools.run", tmp_path, given(servers) | OF_OTHERS) as running:
        running.wait_until_ready()
        told = _environment_of(running.worker())
        log = Path(_printed(running.said(), "log")).read_text()
        running.process.terminate()
        running.process.wait(SECONDS)

    console, own = urlsplit(told["RABBITMQ_MANAGEMENT_URL"]), urlsplit(servers.management_url)
    assert (console.hostname, console.port) == (own.hostname, own.port)
    assert [each for each in MAY_COME_FROM_FILES if f"{each}_FILE" in told] == []
    assert "policies not made" not in log


def _environment_of(pid: int) -> dict[str, str]:
    told = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes())
    return dict(each.split("=", 1) for each in told.split("\0") if each)


def test_a_worker_that_dies_is_started_again_with_a_word(servers: Servers, tmp_path: Path) -> None:
    """Its exit code, the end of its log, and that it answers again."""
    with started("tools.run", tmp_path, given(servers)) as running:
        running.wait_until_ready()
        os.kill(running.worker(), signal.SIGKILL)
        running.wait_for(lambda: "The worker answers again." in running.said())
        said = running.said()
        running.process.terminate()
        running.process.wait(SECONDS)
        running.assert_nothing_is_left()

    assert "The worker ended by itself, with exit code -9. The end of its log:" in said
    assert '"event": "ready"' in said
    assert "Starting it again in 1 s." in said


def test_a_worker_that_cannot_start_ends_it_and_keeps_the_log(servers: Servers, tmp_path: Path) -> None:
    """One sentence, exit code 1, and the log where it says."""
    with started("tools.run", tmp_path, given(servers) | {"BCRYPT_COST": "99"}) as running:
        assert running.process.wait(SECONDS) == 1
        said = running.said()
        (kept,) = running.temporary.iterdir()

    assert "Traceback" not in said
    assert "The worker ended at once, with exit code 2." in said
    assert said.splitlines()[-1] == f"The worker's log is kept in {kept}"
    assert "bcrypt_cost" in kept.read_text().lower()


def test_a_worker_that_dies_again_and_again_is_given_up(
    servers: Servers, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pauses grow up to a limit, and then there is an end."""
    log = tmp_path / "worker.log"
    log.write_text("Out of luck\n")
    slept: list[float] = []
    monkeypatch.setattr(run, "running_worker", lambda *_: _dying_worker(log))

    keeper = run.Run(servers, Guide(sandbox, tmp_path, 1), lambda _: None, slept.append)
    with pytest.raises(WorkerFailed, match=r"Out of luck\nIt ended 6 times in a row: giving up."):
        keeper.keep_up()

    assert slept == [1, 2, 4, 8, 16]


@contextmanager
def _dying_worker(log: Path) -> Iterator[Worker]:
    with subprocess.Popen([str(shutil.which("false"))]) as process:
        yield Worker(process, log)


@pytest.mark.at_length
def test_a_server_that_dies_ends_it_with_a_word(tmp_path: Path) -> None:
    """A worker alone would wait for it for ever, and so would the user."""
    with started("tools.run", tmp_path, OWN) as running:
        running.wait_until_ready()
        (mongod,) = (pid for pid in running.others() if "/mongod " in _command_of(pid))
        os.kill(mongod, signal.SIGKILL)
        assert running.process.wait(SECONDS) == 1

    assert "mongodb ended. The end of its log:" in running.said()
    assert "Traceback" not in running.said()


def test_the_end_of_a_log_is_quoted(tmp_path: Path) -> None:
    """The last lines only, and something at least."""
    log = tmp_path / "log"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    (empty := tmp_path / "empty").touch()

    assert end_of(log, 2) == "The end of its log:\n98\n99"
    assert end_of(empty) == "It has logged nothing."


def test_a_long_log_is_cut_while_somebody_appends_to_it(tmp_path: Path) -> None:
    """The end is kept, and so is what comes afterwards."""
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 1000 + b"the end\n")
        shorten(log, longest=2000, kept=8)
        assert log.stat().st_size == 1008
        shorten(log, longest=1000, kept=8)
        writer.write(b"more\n")

    assert log.read_bytes() == b"the end\nmore\n"
