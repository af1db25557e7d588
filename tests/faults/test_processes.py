"""Processes that end: while they start, with their parent, again and again, half-way through their work."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.infrastructure.security.keys import new_key
from tests.at_length import at_length
from tests.faults.proxied_env import proxied_env
from tests.faults.test_drain import all_consume, children_of, side_by_side
from tests.forking import run
from tests.integration.conftest import settings_for
from tests.integration.gateway import eventually
from tests.integration.operators import letters_in
from tests.integration.workers import WORKER as FORKED_WORKER
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers
from tools.servers.waiting import wait_until

WORKER = [sys.executable, "-m", "service.cli", "worker"]
# Workers of it end at once: it starts them with another program than Python.
FAILING = [
    *(sys.executable, "-c"),
    "import sys; from service.cli import app; sys.executable = '/bin/false'; app(['worker', *sys.argv[1:]])",
]
NOWHERE = {
    "RABBITMQ_URL": "amqp://127.0.0.1:1/",
    "MONGO_URL": "mongodb://127.0.0.1:1/x",
    "REDIS_URL": "redis://127.0.0.1:1/",
}
CANNOT_USE = 2


def first_in_a_namespace(*command: str) -> list[str]:
    """Return *command* as the first process of a namespace of its own, as in a container."""
    unshare = shutil.which("unshare")
    words = [unshare or "", "--pid", "--fork", "--kill-child"]
    if not unshare or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us make no PID namespace")
    return [*words, *command]


def is_importing(pid: int) -> bool:
    """Return whether the process has begun with the imports that take long, and not yet come to the end."""
    libraries = Path(f"/proc/{pid}/maps").read_text()
    return "pydantic_core" in libraries or "_asyncio" in libraries


@contextlib.contextmanager
def started(command: list[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command*, and see to it that it ends."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def only_child(pid: int) -> int | None:
    """Return the process that *pid* has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[0]) if found else None


def test_a_first_process_hears_sigterm_while_it_is_importing() -> None:
    with started(first_in_a_namespace(*WORKER), **NOWHERE, STARTUP_SECONDS="60") as unshare:
        first = wait_until(lambda: only_child(unshare.pid), within=10)
        wait_until(lambda: is_importing(first), within=20)
        os.kill(first, signal.SIGTERM)

        assert unshare.wait(10) == 128 + signal.SIGTERM


def gone(pid: int) -> Callable[[], bool]:
    return lambda: not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    "by", [signal.SIGKILL, *at_length(signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)]
)
async def test_workers_end_with_their_parent(servers: Servers, tmp_path: Path, by: signal.Signals) -> None:
    async with (
        proxied_env(servers, tmp_path) as stage,
        side_by_side(stage, tmp_path, 2) as several,
    ):
        workers = children_of(several)
        several.process.send_signal(by)
        await all_consume(stage, 0)
        for each in workers:
            await asyncio.to_thread(wait_until, gone(each), within=20)
        code = await asyncio.to_thread(several.process.wait, 20)

    assert len(workers) == 2
    assert code == (-signal.SIGKILL if by is signal.SIGKILL else 0)
    assert several.log.read_text().count('"drained"') == 2


@pytest.mark.parametrize("by", [signal.SIGINT, *at_length(signal.SIGHUP, signal.SIGQUIT)])
async def test_a_single_worker_ends_as_it_should(
    servers: Servers, tmp_path: Path, by: signal.Signals
) -> None:
    async with (
        proxied_env(servers, tmp_path) as stage,
        working(stage.sandbox, tmp_path, settings_for(stage.sandbox)) as worker,
    ):
        assert (await stage.ask(1))["ok"]
        code = await asyncio.to_thread(worker.stop, by)

    assert code == 0
    assert '"drained"' in worker.log.read_text()


def test_more_workers_than_ports_are_refused_in_a_sentence(tmp_path: Path) -> None:
    ended = profilectl_worker("--workers", "3", HEALTH_PORT="65534", SIGNING_KEYS_DIR=keys_in(tmp_path))

    assert ended.returncode == CANNOT_USE
    assert "3 workers need 3 ports from HEALTH_PORT=65534 on, and the last is 65535." in ended.stderr


def test_without_keys_the_parent_says_so_once(tmp_path: Path) -> None:
    ended = profilectl_worker("--workers", "3", SIGNING_KEYS_DIR=str(tmp_path))

    assert ended.returncode == CANNOT_USE
    assert ended.stderr.count("No signing key in") == 1


@pytest.mark.at_length
def test_workers_that_do_not_stay_end_all(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    began = time.monotonic()
    ended = run_worker(FAILING, "--workers", "2", SIGNING_KEYS_DIR=keys)

    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.count('"event": "worker ended"') <= 2 * 5
    assert ended.stderr.count('"event": "worker does not stay"') >= 1
    assert time.monotonic() - began > 2 + 4 + 8 + 16  # longer and longer pauses


def keys_in(folder: Path) -> str:
    return str(new_key(folder / "keys", datetime.now(UTC)).parent)


def profilectl_worker(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run workers that have to fail."""
    return run([*FORKED_WORKER, *words], {**os.environ, **NOWHERE, **variables})


def run_worker(program: list[str], *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run *program* with *words* to its end."""
    return subprocess.run(
        [*program, *words],
        env={**os.environ, **NOWHERE, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


LETTERS = 20


@pytest.mark.parametrize("by", [signal.SIGINT, *at_length(signal.SIGTERM, signal.SIGHUP)])
async def test_a_replay_that_is_ended_tells_the_audit_trail_how_far_it_came(
    servers: Servers, by: signal.Signals
) -> None:
    with isolated_sandbox(servers) as sandbox:
        async with letters_in(sandbox) as letters:
            await letters.put("profile.delete.dlq", *(f"m-{number}" for number in range(LETTERS)))
            words = ["-m", "service.cli", "dlq", "replay", "profile.delete", "--rate", "2"]
            replaying = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                env={**os.environ, "RABBITMQ_URL": sandbox.service_url},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )

            async def some_are_back() -> bool:
                queue = await letters.channel.declare_queue("profile.delete", passive=True)
                return (queue.declaration_result.message_count or 0) >= 2

            await eventually(some_are_back, within=30)
            replaying.send_signal(by)
            _, said = await asyncio.wait_for(replaying.communicate(), 20)
            done = len(await letters.take("profile.delete"))
            left = len(await letters.take("profile.delete.dlq"))

    assert replaying.returncode == 128 + by
    assert '"event": "dead_letters_replayed"' in said.decode()
    assert f'"count": {done},' in said.decode()
    assert (done + left, 0 < done < LETTERS) == (LETTERS, True)
    assert "Traceback" not in said.decode()
