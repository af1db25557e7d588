"""Makes a virtual environment that holds what the lock says, and our two distributions from their folders."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.setup.debian import require_venv
from tools.setup.errors import SetupError
from tools.setup.exclusive import exclusive
from tools.setup.fingerprint import fingerprint
from tools.setup.installers import Installer
from tools.setup.machine import brings_mongod, require_room, require_support

# In the environment: what it was made from. It comes last, so whatever was broken off is made anew.
READY = "ready"
# It comes first and goes last, so that no other folder is taken for an environment, and removed.
_MARK = "pyvenv.cfg"


def make_ready(venv: Path, root: Path) -> None:
    """Make *venv* what the checkout in *root* asks for, unless it is that already.

    Raises:
        SetupError: It cannot be made.
        OSError: Nor is the reason one that was foreseen.

    """
    wanted = fingerprint(venv, root)
    if _is_made_from(venv, wanted):
        return
    require_support()
    require_room(venv)
    with exclusive(venv) as lock:
        # Whoever had the lock before may have made it.
        if not _is_made_from(venv, wanted):
            _make(venv, root, lock)
            (venv / READY).write_text(wanted, encoding="utf-8")


def _is_made_from(venv: Path, wanted: str) -> bool:
    ready = venv / READY
    is_there = ready.is_file() and (venv / "bin" / "python").exists()
    return is_there and ready.read_text(encoding="utf-8") == wanted


def _make(venv: Path, root: Path, lock: int) -> None:
    log = venv.with_name(f"{venv.name}.log")
    log.write_bytes(b"")
    python = _base_python()
    require_venv(python, log)
    print(f"Making {venv.name} with Python {sys.version.split()[0]} ({python}).", flush=True)
    _remove(venv)
    venv.mkdir()
    (venv / _MARK).touch()
    installer = Installer(venv, root, log, lock)
    _timed("an empty environment", lambda: installer.make_empty(python))
    _timed("what the lock says", installer.install_locked)
    _timed("our own two distributions", installer.install_ours)
    _remove_leftovers(root)
    if not brings_mongod():
        print(
            "There is no mongod in it for this machine: install MongoDB, start Docker, or set DEV_MONGO_URL."
        )


def _base_python() -> str:
    """Return the Python beneath: whoever has activated an environment would make this one from that one."""
    beneath = getattr(sys, "_base_executable", sys.executable)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(beneath if Path(beneath).exists() else Path(sys.base_prefix, "bin", version))


def _remove(venv: Path) -> None:
    if not venv.exists():
        return
    names = {path.name for path in venv.iterdir()}
    if names and _MARK not in names:
        msg = f"{venv} is no virtual environment, so it stays: name another folder by `make VENV=...`."
        raise SetupError(msg)
    for name in sorted(names, key=lambda name: (name == _MARK, name != READY)):
        path = venv / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    venv.rmdir()


def _remove_leftovers(root: Path) -> None:
    """Remove what the build leaves beside the code: who reads that would soon read what was."""
    for path in (*root.glob("*.egg-info"), *root.glob("contracts/*.egg-info")):
        shutil.rmtree(path)


def _timed(what: str, step: Callable[[], None]) -> None:
    begun = time.monotonic()
    step()
    print(f"  {what}: {time.monotonic() - begun:.1f} s", flush=True)
