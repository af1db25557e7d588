"""Small checkouts whose set-up takes seconds: the real Makefile and tools/setup, tiny distributions."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.wheelhouse import locked, repack
from tools.check_setup.wheels import write_wheel

ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = str(getattr(sys, "_base_executable", sys.executable))
SECONDS: Final = 240
MAKE: Final = ("make", "-s", ".venv/ready")

Ended = subprocess.CompletedProcess[str]

_PROJECT: Final = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "profile-{name}"
version = "1.0"
[tool.setuptools]
packages = ["{name}"]
"""


def make_wheels(folder: Path) -> Path:
    """Put what a small checkout installs into *folder*."""
    write_wheel(folder, "locked", "1.0")
    write_wheel(folder, "locked", "2.0")
    for name in ("uv", "setuptools"):
        repack(name, folder)
    return folder


@dataclass(frozen=True, slots=True)
class Checkout:
    """A small repository.

    Attributes:
        wheels: The only place where packages come from, unless a test says otherwise.
        home: The home of its user.

    """

    folder: Path
    wheels: Path
    home: Path

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    @property
    def log(self) -> Path:
        return self.folder / ".venv.log"

    def lock(self, version: str) -> None:
        """Pin the release *version* of the distribution `locked`."""
        tools = [*self.wheels.glob("uv-*.whl"), *self.wheels.glob("setuptools-*.whl")]
        (self.folder / "requirements-build.lock").write_text(locked(*tools))
        lock = locked(*tools, *self.wheels.glob(f"locked-{version}-*.whl"))
        (self.folder / "requirements-dev.lock").write_text(lock)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment variables of its user, with *changes*; an empty one is not set."""
        usual = {
            "PATH": f"{Path(PYTHON).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "PYTHON": PYTHON,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }
        return {name: value for name, value in {**usual, **changes}.items() if value}

    def set_up(self, *before: str, cwd: Path | None = None, **changes: str) -> Ended:
        """Run `make .venv/ready` with *changes* of its variables, by the command *before* if there is one."""
        return subprocess.run(
            [*before, *MAKE],
            cwd=cwd or self.folder,
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def begin(self, **changes: str) -> subprocess.Popen[str]:
        """Start `make .venv/ready` in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            [*MAKE],
            cwd=self.folder,
            env=self.environment(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def installed(self) -> set[str]:
        """Return what is in its environment, as `name-version`."""
        folders = self.venv.glob("lib/python*/site-packages/*.dist-info")
        return {folder.name.removesuffix(".dist-info") for folder in folders}


def make_checkout(folder: Path, wheels: Path) -> Checkout:
    """Make a small checkout in *folder*, which pins the release 1.0."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tools" / "setup", folder / "tools" / "setup", ignore=ignored)
    for file in ("Makefile", "tools/__init__.py", "tools/bootstrap.sh"):
        shutil.copy(ROOT / file, folder / file)
    for place, name in ((".", "service"), ("contracts", "contracts")):
        package = folder / place / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (folder / place / "pyproject.toml").write_text(_PROJECT.format(name=name))
    home = folder.with_name(f"{folder.name} home")
    home.mkdir(exist_ok=True)
    checkout = Checkout(folder, wheels, home)
    checkout.lock("1.0")
    return checkout


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Send what a terminal sends, to the whole process group."""
    os.killpg(process.pid, signal.SIGINT)


def said(process: subprocess.Popen[str]) -> str:
    """Wait until *process* has ended, and return what it said."""
    output, errors = process.communicate(timeout=SECONDS)
    return output + errors
