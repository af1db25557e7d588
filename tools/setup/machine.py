"""Whether this machine can have the environment at all."""

import os
import platform
import shutil
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from typing import Final

from tools.setup.errors import SetupError

# What every package of the lock that is compiled has ready-made files for.
_PROCESSORS: Final = {"linux": {"x86_64", "aarch64"}, "darwin": {"arm64"}}
# The only machine for which the lock brings a mongod.
_WITH_MONGOD: Final = "linux-x86_64"
_MEGABYTE: Final = 1_000_000
_BLOCK: Final = 512  # what POSIX counts in
_MEGABYTES_NEEDED: Final = 700


def require_support() -> None:
    """Pass on a machine that the lock has files for.

    Raises:
        SetupError: It is another one.

    """
    system, processor = sys.platform, platform.machine()
    is_musl = system == "linux" and platform.libc_ver()[0] != "glibc"
    if processor in _PROCESSORS.get(system, ()) and sys.maxsize > 2**32 and not is_musl:
        return
    kind = f"{system} on {processor}{' with musl' if is_musl else ''}"
    msg = (
        f"There are no ready-made packages for {kind}: take Linux with glibc on 64-bit x86 "
        "or ARM, or macOS on ARM (on Windows: WSL), or a container with one of them."
    )
    raise SetupError(msg)


def brings_mongod() -> bool:
    """Return whether the lock has a mongod for this machine."""
    return sysconfig.get_platform() == _WITH_MONGOD


def require_room(venv: Path) -> None:
    """Pass where *venv* can be made.

    Raises:
        SetupError: This user may not write there, or there is too little room.

    """
    parent = venv.parent
    if not parent.is_dir():
        msg = f"There is no folder {parent} to make {venv.name} in."
        raise SetupError(msg)
    if not os.access(parent, os.W_OK | os.X_OK):
        msg = f"You may not write to {parent}: clone the repository into a folder of your own."
        raise SetupError(msg)
    # What is there goes before the new one comes.
    free = (shutil.disk_usage(parent).free + _bytes_of(venv)) // _MEGABYTE
    if free < _MEGABYTES_NEEDED:
        msg = f"The disk of {parent} has {free} MB left, and {_MEGABYTES_NEEDED} MB are needed: make room."
        raise SetupError(msg)


def _bytes_of(folder: Path) -> int:
    """Return how much room it makes to remove *folder*: nothing for files that are in uv's cache, too."""
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # another set-up is at work there
                file = os.lstat(Path(where, name))
                size += file.st_blocks * _BLOCK if file.st_nlink == 1 else 0
    return size
