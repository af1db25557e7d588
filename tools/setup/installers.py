"""Installs what a lock names: with uv, which pip installs, or with pip where uv can't run or can't do it."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tools.setup.errors import SetupError
from tools.setup.failures import explained
from tools.setup.fingerprint import BUILD_LOCK, LOCK, PROJECTS
from tools.setup.indexes import pip_environment, uv_environment
from tools.setup.user_settings import ask_pip, uv_settings, without_settings

STEP_SECONDS: Final = 1800
# What all of them take at most: where uv hangs, each thing is done with pip as well.
LONGEST_SECONDS: Final = 6 * STEP_SECONDS
_PIP: Final = (
    "--disable-pip-version-check",
    "--no-input",
    "--no-compile",
    "--no-warn-script-location",
    "--progress-bar=off",
)
# Whatever the lock names is one file, made ready, or built with the setuptools that is locked, too.
LOCKED: Final = ("--require-hashes", "--no-build-isolation")
_UV: Final = ("--no-progress", "--color=never")


@dataclass(frozen=True)
class Installer:
    """Fills *venv*, by processes that write to *log* and hold the lock *lock*."""

    venv: Path
    root: Path
    log: Path
    lock: int

    def make_empty(self, python: str) -> None:
        """Make an environment with pip in it."""
        done, _ = self._run([python, "-E", "-s", "-m", "venv", str(self.venv)], {})
        if not done:
            msg = f"{python} could not make a virtual environment: see {self.log}."
            raise SetupError(msg)

    def install_locked(self) -> None:
        """Install exactly what the lock says.

        Raises:
            SetupError: Neither uv nor pip could.

        """
        # uv, and setuptools: what comes as source is built with that, not with what an index holds today.
        tools_are_there, output = self._pip("install", *_PIP, "--require-hashes", "-r", BUILD_LOCK)
        if tools_are_there:
            done, _ = self._uv("pip", "sync", *LOCKED, LOCK)
            if done:
                # It is not locked, and nobody needs it any more.
                self._uv("pip", "uninstall", "pip")
                return
            print(f"  uv could not, see {self.log}: now with pip, which takes longer.", flush=True)
            done, output = self._pip("install", *_PIP, *LOCKED, "--use-pep517", "-r", LOCK)
            if done:
                return
        raise SetupError(explained(output, self.log))

    def install_ours(self) -> None:
        """Install our own distributions, so that they follow their folders. Nothing is asked of any index.

        Raises:
            SetupError: It did not work.

        """
        editable = [word for project in PROJECTS for word in ("--editable", f"./{project}")]
        options = ("install", "--no-deps", "--no-build-isolation", *editable)
        done, output = self._uv("pip", *options, "--offline")
        if not done and (self.venv / "bin" / "pip").exists():
            done, output = self._pip(*options, *_PIP, "--no-index")
        if not done:
            raise SetupError(explained(output, self.log))

    def _pip(self, *words: str) -> tuple[bool, str]:
        environment = pip_environment(self._pip_settings, self._uv_settings)
        return self._run([str(self.venv / "bin" / "python"), "-m", "pip", *words], environment)

    def _uv(self, *words: str) -> tuple[bool, str]:
        environment = uv_environment(self._pip_settings, self._uv_settings, os.environ)
        environment["VIRTUAL_ENV"] = str(self.venv)
        if not _may_cache(environment.get("UV_CACHE_DIR")):
            environment["UV_NO_CACHE"] = "1"
        if environment.pop("UV_NO_INDEX", "") and words[1] == "sync":
            # Of this one uv has no variable.
            words = (*words, "--no-index")
        return self._run([str(self.venv / "bin" / "uv"), *words, *_UV], environment)

    @cached_property
    def _pip_settings(self) -> Mapping[str, str]:
        return ask_pip(self.venv / "bin" / "python")

    @cached_property
    def _uv_settings(self) -> Mapping[str, str]:
        return uv_settings(os.environ)

    def _run(self, command: list[str], environment: Mapping[str, str]) -> tuple[bool, str]:
        """Return whether *command* could be carried out, and what it said."""
        with self.log.open("a+b") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            begin = log.tell()
            try:
                done = subprocess.run(
                    command,
                    cwd=self.root,
                    env={**without_settings(os.environ), **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self.lock,),
                    timeout=STEP_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                # There is no uv for this machine, or not one that runs, or it hangs.
                log.write(f"{error}\n".encode())
                return False, str(error)
            log.seek(begin)
            return done.returncode == 0, log.read().decode(errors="replace")


def _may_cache(folder: str | None) -> bool:
    """Return whether uv can write to its cache, which is *folder* if that is said."""
    home = os.environ.get("HOME", "")
    cache = Path(folder or Path(os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache", "uv"))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            return True
    except OSError:
        return False
