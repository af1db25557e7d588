"""Debian parts `venv` from Python: installs the missing package, as root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.setup.errors import SetupError

# What else a newcomer lacks, so that it can be installed in one go.
_SERVERS: Final = {
    "rabbitmq-server": Path("/usr/lib/rabbitmq"),
    "redis-server": Path("/usr/bin/redis-server"),
}
_OPTIONS: Final = ("--quiet", "-o", "DPkg::Lock::Timeout=120")


def require_venv(python: str, log: Path) -> None:
    """Pass if *python* can make virtual environments; on Debian as root, see to it.

    Raises:
        SetupError: It cannot.

    """
    if _has_venv(python):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    has_apt = shutil.which("apt-get") is not None
    if has_apt and os.geteuid() == 0:
        print(f"Installing the Debian package {package}.", flush=True)
        # Without fresh lists the package may still be there, so only the second one counts.
        _apt_get(log, "update")
        _apt_get(log, "install", "--yes", "--no-install-recommends", package)
        if _has_venv(python):
            return
        msg = f"{python} has no venv, and apt-get could not install {package}: see {log}."
        raise SetupError(msg)
    if not has_apt:
        msg = f"{python} has no venv: install the package of your system that brings it."
        raise SetupError(msg)
    missing = [name for name, path in _SERVERS.items() if not path.exists()]
    msg = f"{python} has no venv: as root, `apt-get install {' '.join([package, *missing])}`."
    raise SetupError(msg)


def _has_venv(python: str) -> bool:
    command = [python, "-E", "-s", "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _apt_get(log: Path, *arguments: str) -> None:
    """Run apt-get where no Ctrl-C and no closing terminal reaches it: dpkg broken off stays broken."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["apt-get", *_OPTIONS, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        process.wait()
    except KeyboardInterrupt:
        print(
            "\nStopping as soon as apt-get has ended: broken off, it would leave packages in pieces.",
            flush=True,
        )
        process.wait()
        raise
