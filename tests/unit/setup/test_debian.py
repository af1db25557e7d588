"""What is done where Python has no venv, as on a bare Debian."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.servers.waiting import wait_until
from tools.setup import debian
from tools.setup.errors import SetupError

ROOT = Path(__file__).parents[3]
PACKAGE = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
SECONDS = 30


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A Python that has no venv, until a file of that name is there."""
    return str(program(tmp_path, "python3", f'test -e "{tmp_path}/venv"'))


def test_an_ordinary_user_is_told_all_that_is_missing_at_once(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "apt-get", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        debian, "_SERVERS", {"rabbitmq-server": tmp_path / "not-here", "redis-server": tmp_path}
    )

    with pytest.raises(SetupError, match=f"as root, `apt-get install {PACKAGE} rabbitmq-server`"):
        debian.require_venv(python, tmp_path / "log")


def test_another_system_is_told_too(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))

    with pytest.raises(SetupError, match="has no venv: install the package of your system"):
        debian.require_venv(python, tmp_path / "log")


def test_what_apt_get_could_not_do_is_in_the_log(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "apt-get", 'echo "cannot $*"; exit 100')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(SetupError, match="apt-get could not install"):
        debian.require_venv(python, tmp_path / "log")
    assert f"install --yes --no-install-recommends {PACKAGE}" in (tmp_path / "log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_ctrl_c_does_not_break_off_apt_get(python: str, tmp_path: Path) -> None:
    begun, may_end = tmp_path / "begun", tmp_path / "may-end"
    waiting = f'[ "$3" = update ] || [ "$4" = update ] && exit; touch "{begun}"'
    tries = f"for _ in $(seq {SECONDS * 100})"  # or whoever waits for a line waits for ever
    script = f'{waiting}; {tries}; do [ -e "{may_end}" ] && break; sleep 0.01; done; touch "{tmp_path}/venv"'
    program(tmp_path, "apt-get", script)
    call = (
        f"from pathlib import Path; import tools.setup.debian as d; d.require_venv({python!r}, Path('log'))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", call],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(begun.exists, within=SECONDS)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    assert any("Stopping as soon as apt-get has ended" in line for line in lines)
    may_end.touch()
    process.communicate(timeout=SECONDS)

    assert (tmp_path / "venv").exists()
    assert process.returncode != 0
