"""Debian packages, installed without starting or enabling what they bring.

Lists and packages are fetched first: that may be broken off at any moment. What dpkg does may not, so it runs
in a session of its own (`python -m tools.servers.packages NAME…`), which neither a Ctrl-C in the terminal nor
our death reaches: it ends by itself, and takes back what it changed.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.servers.errors import ServersUnavailable

POLICY = Path("/usr/sbin/policy-rc.d")
# Where a package's links go that start a service at boot: systemd's, and those of System V.
BOOT_LINKS = (("/etc/systemd/system", "**/*"), ("/etc", "rc?.d/S*"))
# How long another apt may hold a lock. apt itself waits for dpkg's lock only, and not for its own two.
LOCK_SECONDS = 120.0
FETCHING = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15")

Report = Callable[[str], None]

_LOCKED: Final = "[Cc]ould not get lock"
_OUT_OF_REACH: Final = (
    "Temporary failure resolving|Could not resolve|[Cc]ould not connect|Connection (failed|timed out)"
    "|Unable to connect|Network is unreachable|Unable to locate package|has no installation candidate"
    "|Failed to fetch|Unable to fetch"
)
# What apt says, and what we say then. The first that fits.
EXPLANATIONS: Final = {
    "dpkg was interrupted": "dpkg was interrupted before: run `dpkg --configure -a`, then try again.",
    "Unmet dependencies|fix-broken": "Some are half installed: run `apt-get --fix-broken install`.",
    _LOCKED: f"Another apt or dpkg was at work for more than {LOCK_SECONDS:g} s: try again later.",
    "No space left|have enough free space": "The disk is full.",
    _OUT_OF_REACH: "They cannot be fetched from the system's package sources: is there a network?",
    "Read-only file system|Permission denied": "This system's files may not be changed.",
}


def can_install() -> bool:
    """Tell whether this is Debian or a relative of it, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Iterable[str], report: Report) -> None:
    """Install *packages*; their services are neither started nor enabled.

    Raises:
        ServersUnavailable: They cannot be installed; says why, in one sentence if that is known.

    """
    names = sorted(set(packages))
    report(f"Installing from the system's packages: {' '.join(names)} (their services stay off)")
    _step("fetched", lambda: _fetch(names, report), report)
    _step("installed", lambda: _run_to_its_end(names, report), report)


def _step(what: str, do: Callable[[], None], report: Report) -> None:
    began = time.monotonic()
    do()
    report(f"  {what} ({time.monotonic() - began:.1f} s)")


def _fetch(names: Sequence[str], report: Report) -> None:
    # Its failure says nothing yet: one source of many may be away, and old lists may be good enough.
    _once_unlocked(["update", *FETCHING], names, report, must=False)
    options = ["--yes", "--no-install-recommends", "--download-only", *FETCHING]
    _once_unlocked(["install", *options, *names], names, report)


def _once_unlocked(
    arguments: Sequence[str], names: Sequence[str], report: Report, *, must: bool = True
) -> None:
    """Run apt-get, again and again as long as another one holds a lock; complain if it *must* work."""
    deadline = time.monotonic() + LOCK_SECONDS
    waiting = False
    while (output := _apt_get(*arguments)) is not None:
        if not re.search(_LOCKED, output) or time.monotonic() > deadline:
            if must:
                raise _refusal(names, output)
            return
        if not waiting:
            report(f"  another apt is at work: waiting up to {LOCK_SECONDS:g} s for it")
            waiting = True
        time.sleep(1)  # between two looks at the lock


def _apt_get(*arguments: str) -> str | None:
    """Run apt-get in a session of its own; return what it said if it failed."""
    process = subprocess.Popen(
        ["apt-get", "--quiet", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS:.0f}", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    except BaseException:  # Ctrl-C, too: what fetches may be broken off
        process.terminate()
        process.communicate()
        raise
    return output if process.returncode else None


def _run_to_its_end(names: Sequence[str], report: Report) -> None:
    """Let dpkg work where no signal reaches it, and wait for it even if we are told to stop."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    except KeyboardInterrupt:
        report("  dpkg is in the middle of it: waiting for its end, so that it is left whole")
        process.communicate()
        raise
    if process.returncode:
        raise _refusal(names, output)


def _refusal(names: Sequence[str], output: str) -> ServersUnavailable:
    what = f"The packages {' '.join(names)} could not be installed."
    for pattern, explanation in EXPLANATIONS.items():
        if re.search(pattern, output):
            return ServersUnavailable(f"{what} {explanation}")
    last_lines = "\n".join(output.splitlines()[-10:])
    return ServersUnavailable(f"{what} apt-get says:\n{last_lines}")


def _install_fetched(names: Sequence[str]) -> int:
    """Install what has been fetched, in the session that nobody disturbs; return an exit code."""
    with _one_at_a_time(), _services_stay_stopped(), _services_stay_disabled():
        output = _apt_get("install", "--yes", "--no-install-recommends", *names)
    if output is not None:
        print(output)
    return 0 if output is None else 1


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


if __name__ == "__main__":
    sys.exit(_install_fetched(sys.argv[1:]))
