"""Asks a pip, in an environment of its own, what it would install for a lock."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from tools.setup.indexes import pip_environment
from tools.setup.installers import LOCKED
from tools.setup.user_settings import ask_pip, uv_settings, without_settings

PINS: Final = Path(__file__).parent / "pips"
_SECONDS: Final = 600


class PipFailed(Exception):
    """A pip or uv did not do what the lock says."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with one pip, which finds newer releases beside what the user's indexes hold.

    Attributes:
        python: The environment's own.
        newer: A folder with wheels that no lock names.
        settings: Where packages come from, as pip's variables.

    """

    python: Path
    newer: Path
    settings: Mapping[str, str]

    def would_install(self, lock: Path) -> dict[str, str]:
        """Return the versions, by name, that its pip takes for *lock*.

        Raises:
            PipFailed: It takes none.

        """
        report = self.python.parent / "report.json"
        wish = ("--dry-run", "--ignore-installed", "--report", str(report))
        self.pip("install", *wish, *LOCKED, "--use-pep517", "-r", str(lock))
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
        taken = (each["metadata"] for each in items)
        return {canonicalize_name(each["name"]): each["version"] for each in taken}

    def pip(self, *words: str) -> str:
        """Return what its pip says.

        Raises:
            PipFailed: It ended with an error.

        """
        folders = f"{self.settings.get('PIP_FIND_LINKS', '')} {self.newer.as_uri()}"
        settings = {**self.settings, "PIP_FIND_LINKS": folders.strip()}
        options = ("--disable-pip-version-check", "--no-input")
        return run([self.python, "-m", "pip", *options, *words], settings)


def run(command: Sequence[Path | str], settings: Mapping[str, str]) -> str:
    """Return what *command* says with *settings* in place of those of the user.

    Raises:
        PipFailed: It ended with an error.

    """
    environment = {**without_settings(os.environ), **settings}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        msg = f"`{' '.join(map(str, command))}` failed:\n{end}"
        raise PipFailed(msg)
    return done.stdout + done.stderr


def with_own_pip(folder: Path, newer: Path, settings: Mapping[str, str] | None = None) -> Environment:
    """Make an environment in *folder* with the pip that this Python brings, and the user's *settings*."""
    run([sys.executable, "-m", "venv", str(folder)], {})
    python = folder / "bin" / "python"
    return Environment(python, newer, settings or pip_environment(ask_pip(python), uv_settings(os.environ)))


def with_pinned_pip(own: Environment, pins: Path, folder: Path) -> Environment:
    """Make an environment in *folder* with the pip of *pins*, which *own* installs."""
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], {})
    python = folder / "bin" / "python"
    own.pip("--python", str(python), "install", "--require-hashes", "-r", str(pins))
    return replace(own, python=python)
