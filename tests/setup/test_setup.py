"""`make .venv/ready`, as it meets a user's machine."""

import http.server
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.setup.checkouts import (
    PYTHON,
    SECONDS,
    Checkout,
    make_checkout,
    make_wheels,
    press_ctrl_c,
    said,
)
from tools.check_setup.wheels import write_wheel
from tools.servers.waiting import wait_until

OURS = {"profile_contracts-1.0", "profile_service-1.0"}
# Root may write anywhere, unless this is taken away.
AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def checkout(wheels: Path, tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path / "a check out", wheels)


@pytest.fixture(scope="module")
def ready(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that has been set up once."""
    made = make_checkout(tmp_path_factory.mktemp("setup") / "a check out", wheels)
    assert made.set_up().returncode == 0
    return made


def names(checkout: Checkout) -> set[str]:
    """Return what is installed, without the tools that the lock names for the build."""
    return {each for each in checkout.installed() if not each.startswith(("uv-", "setuptools-"))}


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a set-up that cannot go on says: one line, no traceback. `make` adds one of its own."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]

    assert done.returncode != 0
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_the_environment_holds_what_the_lock_says_and_nothing_else(ready: Checkout) -> None:
    assert names(ready) == {"locked-1.0", *OURS}


def test_a_second_run_does_nothing(ready: Checkout) -> None:
    before = (ready.venv / "ready").stat().st_mtime_ns
    (ready.folder / "requirements-dev.lock").touch()
    again = ready.set_up()

    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (ready.venv / "ready").stat().st_mtime_ns == before


def test_a_checkout_that_is_reached_by_a_link_is_the_same(ready: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(ready.folder)

    assert ready.set_up(cwd=link, PWD=str(link)).stdout == ""


def test_without_a_wish_the_python_of_the_environment_stays(ready: Checkout) -> None:
    assert ready.set_up(PYTHON="", PATH="/usr/bin:/bin").stdout == ""


def test_after_a_move_and_with_another_lock_it_is_made_anew(ready: Checkout, tmp_path: Path) -> None:
    """The scripts in an environment name its own folder, so a copy would not do."""
    shutil.copytree(ready.folder, tmp_path / "else where", symlinks=True)
    copy = Checkout(tmp_path / "else where", ready.wheels, ready.home)
    copy.lock("2.0")
    done = copy.set_up()

    assert done.returncode == 0, done.stderr
    assert names(copy) == {"locked-2.0", *OURS}
    assert json.loads((copy.venv / "ready").read_text())["venv"] == str(copy.venv)


def test_after_ctrl_c_two_runs_at_once_make_it_anew_by_turns(checkout: Checkout) -> None:
    process = checkout.begin()
    wait_until((checkout.venv / "bin").exists, within=SECONDS, every=0.01)
    press_ctrl_c(process)
    output = said(process)

    assert process.returncode != 0
    assert "the next run makes the environment anew" in output
    assert "Traceback" not in output
    assert not (checkout.venv / "ready").exists()

    first, second = checkout.begin(), checkout.begin()
    outputs = [said(first), said(second)]

    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert sum("Making .venv" in output for output in outputs) == 1
    assert sum("Waiting for another set-up" in output for output in outputs) == 1
    assert names(checkout) == {"locked-1.0", *OURS}


UNFIT = {
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "1",
    "PIP_CONSTRAINT": "/nowhere/constraints.txt",
    "PIP_NO_BINARY": ":all:",
    "PIP_NO_DEPS": "1",
    "PIP_DRY_RUN": "1",
    "UV_TARGET": "/nowhere",
    "UV_NO_BINARY": "1",
    "UV_RESOLUTION": "lowest",
    "UV_EXCLUDE_NEWER": "2020-01-01",
    "UV_PYTHON": "3.9",
    "UV_CONSTRAINT": "/nowhere/constraints.txt",
    "PYTHONHOME": "/nowhere",
    "PYTHONSAFEPATH": "1",
    "PYTHONWARNINGS": "error",
    "VIRTUAL_ENV": "/nowhere",
}


def test_settings_for_other_work_do_not_get_in_nor_is_a_home_needed(
    checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the user')")
    config = checkout.home / ".config"
    for tool, content in (
        ("uv/uv.toml", 'resolution = "lowest"\n[pip]\ntarget = "/nowhere"\n'),
        ("pip/pip.conf", "[install]\nuser = true\nconstraint = /nowhere/constraints.txt\n"),
    ):
        (config / tool).parent.mkdir(parents=True)
        (config / tool).write_text(content)
    checkout.home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = checkout.set_up(*AS_ANYBODY, cwd=None, PYTHONPATH=str(tmp_path), **UNFIT)

    assert done.returncode == 0, done.stderr + checkout.log.read_text()
    assert names(checkout) == {"locked-1.0", *OURS}
    assert [path.name for path in checkout.home.iterdir()] == [".config"]


@contextmanager
def mirror(wheels: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve *wheels* as an index. Gives its address, and who asks for what."""
    asked: list[str] = []
    for wheel in wheels.glob("*.whl"):
        place = folder / "simple" / wheel.name.partition("-")[0]
        place.mkdir(parents=True, exist_ok=True)
        (place / wheel.name).symlink_to(wheel)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            agent = str(self.headers.get("User-Agent")).partition("/")[0]
            asked.append(f"{agent} {self.path}")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple", asked
        server.shutdown()


def test_a_mirror_that_is_set_for_pip_is_used_by_uv_as_well(checkout: Checkout, tmp_path: Path) -> None:
    with mirror(checkout.wheels, tmp_path / "mirror") as (address, asked):
        config = checkout.home / ".config" / "pip" / "pip.conf"
        config.parent.mkdir(parents=True)
        config.write_text(f"[global]\nindex-url = {address}\n")
        done = checkout.set_up(PIP_NO_INDEX="", PIP_FIND_LINKS="")

    assert done.returncode == 0, done.stderr + checkout.log.read_text()
    assert {each for each in asked if each.endswith("/simple/locked/")} == {"uv /simple/locked/"}
    assert "pip /simple/uv/" in asked


def test_where_uv_does_not_run_pip_installs_the_same(wheels: Path, tmp_path: Path) -> None:
    """As on a system that is older than uv's files are for."""
    others = tmp_path / "wheels"
    shutil.copytree(wheels, others)
    (genuine,) = others.glob("uv-*.whl")
    genuine.unlink()
    write_wheel(others, "uv", genuine.name.split("-")[1])
    checkout = make_checkout(tmp_path / "checkout", others)
    done = checkout.set_up()

    assert done.returncode == 0, done.stderr + checkout.log.read_text()
    assert "now with pip" in done.stdout
    assert {"locked-1.0", *OURS} < names(checkout)


def test_a_folder_that_is_not_ones_own_is_said_so(checkout: Checkout) -> None:
    checkout.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        done = checkout.set_up(*AS_ANYBODY)
    finally:
        checkout.folder.chmod(stat.S_IRWXU)

    assert one_sentence(done) == (
        f"You may not write to {checkout.folder}: clone the repository into a folder of your own."
    )


def test_without_network_a_sentence_says_so(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = checkout.set_up(
        PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple"
    )

    assert one_sentence(done) == (
        "The package index cannot be reached: check the network, or name a mirror in PIP_INDEX_URL. "
        f"What was said is in {checkout.log}."
    )
    assert "Retrying" in checkout.log.read_text()


def test_an_index_with_another_file_is_said_so(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements-build.lock"
    lock.write_text(re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", lock.read_text()))
    done = checkout.set_up()

    assert one_sentence(done).startswith("The package index has another file than the one that is locked")


def test_a_python_that_does_not_fit_is_said_so(checkout: Checkout, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    assert one_sentence(checkout.set_up(PYTHON=str(old))) == (
        f"{old} is not CPython 3.11, 3.12 or 3.13: name one by `make PYTHON=/its/path ...`."
    )


def test_no_python_at_all_is_said_so(checkout: Checkout, tmp_path: Path) -> None:
    for program in ("sh", "make", "dirname"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))

    assert one_sentence(checkout.set_up(PYTHON="", PATH=str(tmp_path))) == (
        "No Python 3.11, 3.12 or 3.13 in PATH: install one, or name it by `make PYTHON=/its/path ...`."
    )


def test_a_folder_that_is_no_environment_is_not_replaced(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "thesis.txt").write_text("years of work")

    assert "is no virtual environment, so it stays" in one_sentence(checkout.set_up())
    assert (checkout.venv / "thesis.txt").exists()


def test_the_python_that_was_named_is_taken(ready: Checkout) -> None:
    assert Path(PYTHON).parent == (ready.venv / "bin" / "python").resolve().parent
