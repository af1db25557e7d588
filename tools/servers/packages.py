"""Debian packages, installed without starting or enabling what they bring."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.servers.errors import ServersUnavailable

POLICY = Path("/usr/sbin/policy-rc.d")
# Where a package's links go that start a service at boot: systemd's, and those of System V.
BOOT_LINKS = (("/etc/systemd/system", "**/*"), ("/etc", "rc?.d/S*"))


def can_install() -> bool:
    """Tell whether this is Debian or a relative of it, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Iterable[str], report: Callable[[str], None]) -> None:
    """Install *packages*; their services are neither started nor enabled."""
    names = sorted(set(packages))
    report(f"Installing from the system's packages: {' '.join(names)} (their services stay off)")
    with _one_at_a_time(), _services_stay_stopped(), _services_stay_disabled():
        _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", *names)


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last_lines = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        sentence = f"`{' '.join(command)}` failed:\n{last_lines}"
        raise ServersUnavailable(sentence)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep a second run from starting services between our removing the policy and its own install."""
    folder = os.open(POLICY.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _services_stay_stopped(policy: Path = POLICY) -> Iterator[None]:
    """Answer dpkg's question whether to start a service with no (101), unless the machine has an answer."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    try:
        policy.chmod(0o755)
        yield
    finally:
        policy.unlink()


@contextmanager
def _services_stay_disabled() -> Iterator[None]:
    """Remove the links that an install adds to the boot, and none that were there before."""
    before = _boot_links()
    try:
        yield
    finally:
        for link in _boot_links() - before:
            link.unlink()


def _boot_links() -> set[Path]:
    return {path for top, pattern in BOOT_LINKS for path in Path(top).glob(pattern) if path.is_symlink()}
