"""Says whether the locks install the same with every pip and npm: `python -m tools.check_setup`."""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.check_setup import npm
from tools.check_setup.locks import requirements_of, versions_here
from tools.check_setup.pips import PINS, Environment, PipFailed, with_own_pip, with_pinned_pip
from tools.check_setup.wheels import write_wheel
from tools.setup.fingerprint import BUILD_LOCK, LOCK

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = [ROOT / LOCK, ROOT / "requirements.lock"]
# It uses a part of the standard library that went with Python 3.12.
_NOT_FROM_3_12: Final = "23.0.1"


def main() -> int:
    """Return the exit code."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            _check_pips(Path(folder))
            _check_npm(Path(folder))
    except (PipFailed, npm.NpmFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _check_pips(folder: Path) -> None:
    newer = folder / "newer"
    newer.mkdir()
    for name in {each.name for lock in LOCKS for each in requirements_of(lock)}:
        write_wheel(newer, name, "9999")
    own = with_own_pip(folder / "own", newer)
    _check(own)
    for pins in sorted(PINS.glob("*.txt")):
        if pins.stem == _NOT_FROM_3_12 and sys.version_info >= (3, 12):
            print(f"pip {pins.stem} does not run on this Python: left out")
            continue
        _check(with_pinned_pip(own, pins, folder / pins.stem))


def _check(environment: Environment) -> None:
    version = environment.pip("--version").split()[1]
    environment.pip("install", "--require-hashes", "-r", str(ROOT / BUILD_LOCK))
    for lock in LOCKS:
        with _timed(f"pip {version} reads {lock.name}, beside newer releases of everything"):
            require_same(environment.would_install(lock), versions_here(lock))


def require_same(found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Pass if *found* is *wanted*: versions by name.

    Raises:
        PipFailed: They differ.

    """
    differing = sorted(set(found.items()) ^ set(wanted.items()))
    if differing:
        msg = f"The lock says something else than what is installed: {differing}"
        raise PipFailed(msg)


def _check_npm(folder: Path) -> None:
    for name, command in npm.npms():
        with _timed(f"{name} installs asyncapi/package-lock.json"):
            npm.check(command, folder / name.replace(" ", "-"))


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
